// Writes the commands of the Train page for the settings in LUCE_SETTINGS, for test_commands.py.
import { readFileSync } from 'node:fs';

import { commandLine, pythonCode } from '../../src/luce/server/static/js/pages/train/command.js';
import { CHINESE } from '../../src/luce/server/static/js/pages/train/option_words.js';

const { table, cases } = JSON.parse(readFileSync(process.env.LUCE_SETTINGS, 'utf8'));
const made = cases.map(({ data, settings }) => [commandLine(data, settings, table), pythonCode(data, settings, table)]);
console.log(JSON.stringify({ made, chinese: Object.keys(CHINESE) }));
