// @ts-check
/**
 * What the server says went wrong, for the reader. Its own words are English and name the file, the
 * column and the value; in Chinese a sentence for the type of the error goes before them, or, where
 * they name nothing, stands in their place.
 */

import { language, word } from './words.js';

/** Types of errors of which the Chinese sentence tells all. @type {Record<string, string>} */
const WHOLE = {
  UnknownId: '服务器找不到这一项：它可能已被移除，或者服务器重新启动过。请重新载入页面。',
  TooManyTrainings: '同时运行的训练已达上限。请等一个结束，或停止一个。',
  StorageFull: '没有空间存放这个文件：磁盘或上传空间已满。请在“数据”页移除一些文件，或在命令行把路径交给 luce ui。',
  TokenRequired: '服务器只回应带有令牌的请求。请打开 luce ui 在终端里打印的地址。',
};

/** Those of which the server's own words tell more. @type {Record<string, string>} */
const BEFORE = {
  UnknownKind: '无法读取这种文件。请另存为 CSV、TSV、JSONL、Parquet、NPZ、IDX、文本或图片 zip。',
  BodyTooLarge: '内容太大。请减少内容，或在命令行把路径交给 luce ui。',
  ColumnError: '没有这一列。请核对列名。',
  LabelError: '有的标签缺失，或不是已知的类别。',
  DataError: '数据不能这样使用。',
  ParameterError: '有一个选项或数值不能使用。',
  ModelFileError: '无法读取这个模型文件：它已损坏、来自别处或版本太新。',
  MissingExtraError: '缺少一个可选的软件包。',
  ConvergenceError: '训练遇到了 NaN 或无穷大，已经停止。',
  WriteError: '无法写入文件。',
  JobConflict: '训练的当前状态不允许这样做。',
  InternalError: '这是 luce 的错误，终端里有更多说明，请报告。',
};
/** Before all others. */
const LEAD = '服务器的说明（英文）：';

/** Types with a Chinese sentence, for the test that compares them with the server's. */
export const TRANSLATED = [...Object.keys(WHOLE), ...Object.keys(BEFORE)];

/**
 * @param {string | null} type
 * @param {string} message
 * @returns {string}
 */
export function errorText(type, message) {
  if (type === 'NoAnswer') return word('shell.noAnswer');
  if (language() !== 'zh') return message;
  if (type !== null && Object.hasOwn(WHOLE, type)) return /** @type {string} */ (WHOLE[type]);
  return `${type !== null && Object.hasOwn(BEFORE, type) ? BEFORE[type] : LEAD} ${message}`;
}
