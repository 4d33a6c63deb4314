// @ts-check
/**
 * The options' names and helps for people. In English the help is that of the table, which the
 * command line prints; in Chinese it stands here, and a test sees to it that none is missing.
 */

/** @typedef {import('./command.js').Option} Option */

/** @type {Record<string, readonly [string, string]>} name and help */
export const CHINESE = {
  target: ['目标列', '要预测的列；不填则自动猜测并说明。'],
  text: ['文本列', '作为文本读取的列，以逗号分隔。'],
  ngrams: ['文本切分', 'words：单个词（中文为单字）；pairs：再加相邻两个词；letters：词内相邻的三、四个字母；both：pairs 与 letters。不填时，短且以空格分词的文本用 both，其余用 pairs。'],
  ignore: ['忽略列', '不参与训练的列，以逗号分隔。'],
  no_header: ['没有表头', 'CSV 或 TSV 文件的第一行是数据而不是列名：各列称为 column_1、column_2……；模型会记住这一点。'],
  split: ['数据划分', '使用命名数据集的哪一部分。'],
  valid: ['评估行', '从每个类别中留出的比例（如 0.2），或 test（命名数据集的标准测试集）；不填时有标准测试集就用它，否则为 0.2。'],
  model: ['模型', '线性：softmax 回归，最优解有证明；网络：含隐藏层，训练时需要 PyTorch，使用时不需要。'],
  hidden: ['隐藏层单元数', '网络每个隐藏层的单元数，以逗号分隔；不填为 128。'],
  dropout: ['丢弃率', '网络每一步随机丢弃的隐藏单元比例；不填为 0.2，少于 1,000 行时为 0。'],
  weight_decay: ['权重衰减', '网络权重的衰减。'],
  solver: ['求解器', 'auto、newton 和 lbfgs 达到最优解；sgd 和 adam 按小批量训练；网络默认用 adam。'],
  C: ['C', 'L2 惩罚强度的倒数，与 scikit-learn 相同；不填为 1，文本为 100。'],
  class_weight: ['类别权重', 'balanced：每个类别同等重要，无论多少；corrected：同上，但概率会还原到真实比例。'],
  tune: ['自动搜索', '训练前用这么长时间（60s、5m、1h）按留出数据的对数损失搜索：线性模型搜索 C、类别权重、标签平滑和文本切分；mlp 搜索学习率、隐藏单元、dropout 和权重衰减。'],
  label_smoothing: ['标签平滑', '每个标签中均匀分给所有类别的比例。'],
  tol: ['容差', '当损失被证明距最优值不超过这个比例时停止。'],
  max_iter: ['最多迭代次数', 'newton 和 lbfgs 的最多迭代次数。'],
  epochs: ['轮数', 'sgd 和 adam 遍历数据的次数；不填为 20，行数少的网络会更多。'],
  batch_size: ['批大小', 'sgd 和 adam 每个小批量的行数。'],
  learning_rate: ['学习率', 'sgd 和 adam 的初始步长；不填由求解器决定。'],
  schedule: ['学习率计划', 'sgd 和 adam 的步长如何随轮数下降。'],
  clip_norm: ['梯度裁剪', 'sgd 和 adam 的最大梯度长度；不填则不限。'],
  momentum: ['动量', 'sgd 的动量。'],
  patience: ['耐心', 'sgd 和 adam 在留出行上连续多少轮没有进步就停止。'],
  calibrate: ['校准', '用模型没见过的训练行校准概率；auto 默认按向量校准，除非温度或矩阵在留出行上更好。不加此选项时，1,000 条及以上的文本按温度校准，其余不校准（none）。'],
  out_of_core: ['逐遍读取', '每一遍都重新读取 .csv、.tsv 或 .parquet 表格，无论多大内存占用不变；给出一个文件夹，用来暂存其数值的副本，遍历会快许多倍。'],
  seed: ['随机种子', '留出行和小批量的随机种子。'],
  threads: ['线程数', '原生内核的线程数；不填为每核一个。'],
};

/** Where the command line takes a file, a page does not. @type {Record<string, string>} */
const ENGLISH = {
  valid: "Rows to evaluate on: a fraction held out of each class, or 'test', the standard test split of a named set; without it, 'test' where there is one, else 0.2.",
};

/**
 * @param {string} name
 * @param {'en' | 'zh'} language
 */
export function labelOf(name, language) {
  if (language === 'zh') return CHINESE[name]?.[0] ?? name;
  const words = name.replace(/_/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * @param {Option} option
 * @param {'en' | 'zh'} language
 */
export function helpOf(option, language) {
  return language === 'zh' ? (CHINESE[option.name]?.[1] ?? option.help) : (ENGLISH[option.name] ?? option.help);
}
