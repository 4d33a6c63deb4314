// @ts-check
/** 中文词语。键与 en.js 相同，次序也相同。 */

/** @type {Record<string, string>} */
export const words = {
  // shell
  'shell.skip': '跳到正文',
  'shell.menu': '菜单',
  'shell.pages': '页面',
  'shell.explore': '探索',
  'shell.work': '你的模型',
  'shell.tagline': 'softmax 工具箱',
  'shell.language': '语言',
  'shell.theme': '颜色',
  'shell.theme.auto': '跟随系统',
  'shell.theme.light': '浅色',
  'shell.theme.dark': '深色',
  'shell.help': '键盘帮助',
  'shell.help.title': '按键',
  'shell.help.everywhere': '所有页面',
  'shell.help.here': '本页',
  'shell.help.help': '显示这些按键',
  'shell.help.next': '下一页和上一页',
  'shell.help.language': '切换语言',
  'shell.help.theme': '浅色、深色或跟随系统',
  'shell.help.tab': '移到下一个控件；Shift 加 Tab：返回',
  'shell.help.arrows': '改变获得焦点的控件',
  'shell.help.on': '单键可用作快捷键',
  'shell.loading': '正在载入……',
  'shell.failed': '无法显示此页',
  'shell.unknown': '这个地址没有页面。',
  'shell.toStart': '回到开始页',
  'shell.needsServer': '此页需要 luce 在后台运行',
  'shell.needsServer.how': '这里的页面只是静态文件：在浏览器里计算的部分可以使用，但不能读取数据，也不能训练。请在自己的电脑上运行',
  'shell.noToken': '服务器不认识这个浏览器',
  'shell.noToken.how': '请打开 luce ui 在终端里打印的地址：其中带有令牌，使浏览器里的其他网页无法与 luce 通信。',
  'shell.noAnswer': '服务器没有回应。luce ui 还在运行吗？',

  // widget
  'widget.close': '关闭',
  'widget.copy': '复制',
  'widget.copyOf': '复制：{label}',
  'widget.copied': '已复制。',
  'widget.exactly': '{label}（精确值）',
  'widget.dropOrChoose': '把文件拖到这里，或选择文件',

  // chart
  'chart.table': '以表格显示数值',
  'chart.someRows': '共 {rows} 行，等距显示其中 {shown} 行。',
  'chart.label': '标签',
  'chart.value': '数值',
  'chart.matrix': '矩阵，用方向键移动',
  'chart.cell': '行 {row}，列 {column}：{value}',

  // start
  'start.title': '开始',
  'start.lead': '看懂 softmax，训练分类器，再深入了解它。一切都留在这台电脑上。',
  'start.cards': '三种开始方式',
  'start.static': '训练需要 luce 在后台运行',
  'start.demo': '试试演示',
  'start.demo.lead': '随附的真实数据。点一下，就在你眼前训练出一个分类器。',
  'start.demo.size': '{rows} 行，{classes} 个类别',
  'start.demo.far': '首次使用时下载',
  'start.demo.starting': '正在开始训练 {name}……',
  'start.data': '打开我的数据',
  'start.data.lead': '表格、文本，或每个类别一个文件夹的图片 zip。',
  'start.data.drop': '你的文件',
  'start.data.kinds': 'CSV、TSV、JSONL、Parquet、NPZ、IDX，也可以是 .gz。文件只交给这台电脑上的 luce，不会传到别处。',
  'start.data.sending': '正在读取 {name}',
  'start.runs': '打开一次训练',
  'start.runs.lead': '在这里，或用 luce train 在此文件夹中训练的结果，最新的在前。',
  'start.runs.none': '还没有训练。第一次训练完成后就会出现在这里。',
  'start.runs.more': '全部 {n} 个模型',
  'start.explore': '或者先看看 softmax 本身',
  'start.explore.lead': '不用安装，不用载入：动手改一改，看看会发生什么。',
  'start.about.softmax': '输入数字，输出概率：拖动柱子，调节温度。',
  'start.about.curves': '阶跃、sigmoid、tanh、relu，以及梯度在哪里消失。',
  'start.about.losses': '答错要付多大代价，梯度往哪个方向拉。',
  'start.about.playground': '放置数据点，看模型学出边界。',
  'start.about.large': '一百万个词的词表：每种输出层的代价。',
  'start.about.calibration': '弯曲一条曲线，直到 80% 真的是 80%。',

  // explore.softmax
  'explore.softmax.title': 'Softmax',

  // explore.curves
  'explore.curves.title': '曲线',

  // explore.losses
  'explore.losses.title': '损失函数',

  // explore.playground
  'explore.playground.title': '试验场',

  // explore.large
  'explore.large.title': '大输出层',

  // explore.calibration
  'explore.calibration.title': '校准',

  // data
  'data.title': '数据',

  // train
  'train.title': '训练',

  // model
  'model.title': '模型',

  // predict
  'predict.title': '预测',

  // serve
  'serve.title': '服务',
};
