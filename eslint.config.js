import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { importX } from 'eslint-plugin-import-x';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

// JavaScript engines may round these differently in the last bit (ARCHITECTURE.md, "Rules that keep
// results true"), so core uses src/core/random/math.ts or tensor operations instead.
const engineDependentMath = [
  'exp',
  'expm1',
  'log',
  'log2',
  'log10',
  'log1p',
  'pow',
  'sin',
  'cos',
  'tan',
  'asin',
  'acos',
  'atan',
  'atan2',
  'sinh',
  'cosh',
  'tanh',
  'cbrt',
  'hypot',
].map((property) => ({
  object: 'Math',
  property,
  message: 'Results differ between engines: use core/random/math.ts or tensor operations.',
}));

const oneWay = (target, from, why) => ({ target, from, message: why });

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'runs/', 'coverage/', 'src/core/tensor/wasm/assembly/'] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  prettier,
  ...svelte.configs.prettier,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    plugins: { 'import-x': importX },
    rules: {
      'no-undef': 'off', // TypeScript checks names
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off', // noUncheckedIndexedAccess makes them needed
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            oneWay('./src/core', './src/app', 'Core never imports the page.'),
            oneWay('./src/core', './src/node', 'Core never imports Node code.'),
            oneWay('./src/core', './workers', 'Core never imports workers.'),
            oneWay('./src/app', './src/node', 'The page never imports Node code.'),
            oneWay('./src/node', './src/app', 'Node never imports the page.'),
            oneWay('./workers', './src/app', 'Workers never import the page.'),
            ...['random', 'sql', 'text', 'tensor'].flatMap((part) =>
              ['train', 'model', 'episode', 'reward', 'credit', 'evaluate', 'recipe'].map((upper) =>
                oneWay(
                  `./src/core/${part}`,
                  `./src/core/${upper}`,
                  'Imports inside core run downwards (ARCHITECTURE.md).',
                ),
              ),
            ),
            ...['reward', 'credit'].flatMap((part) =>
              ['tensor', 'model', 'train'].map((numeric) =>
                oneWay(
                  `./src/core/${part}`,
                  `./src/core/${numeric}`,
                  'Rewards and credit are pure functions on plain arrays.',
                ),
              ),
            ),
            ...['data', 'model', 'episode', 'reward', 'credit', 'evaluate'].map((part) =>
              oneWay(
                `./src/core/${part}`,
                './src/core/train',
                'The loop is above its parts (ARCHITECTURE.md).',
              ),
            ),
          ],
        },
      ],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ['svelte', 'comlink'],
          patterns: [
            { group: ['node:*'], message: 'Core runs in a tab too: take a port instead.' },
            {
              group: ['@tensorflow/*'],
              message: 'core/tensor/tfjs.ts is the only door to tfjs.',
            },
          ],
        },
      ],
      'no-restricted-properties': [
        'error',
        ...engineDependentMath,
        { object: 'Math', property: 'random', message: 'All randomness comes from core/random.' },
        { object: 'Date', property: 'now', message: 'Take the clock port.' },
        { object: 'performance', property: 'now', message: 'Take the clock port.' },
        { property: 'localeCompare', message: 'Locale-aware order differs between machines.' },
        { property: 'toLocaleString', message: 'Locale-aware text differs between machines.' },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'Intl', message: 'Locale data differs between machines.' },
        { name: 'window', message: 'Core has no DOM.' },
        { name: 'document', message: 'Core has no DOM.' },
        { name: 'process', message: 'Core has no Node.' },
        { name: 'Buffer', message: 'Core has no Node.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "BinaryExpression[operator='**'], AssignmentExpression[operator='**=']",
          message: 'Results of ** differ between engines: multiply, or use core/random/math.ts.',
        },
        {
          selector: 'MetaProperty',
          message: 'Core never writes import.meta: bundlers differ. Take the asset port.',
        },
      ],
    },
  },
  { files: ['src/core/tensor/tfjs.*.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig },
    },
  },
);
