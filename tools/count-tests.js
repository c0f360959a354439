// Prints "N passed, N failed" over the reports of both test runners. A file that fails before its tests
// start counts as one failure, and so does a failed command without any failed test.
// Usage: node tools/count-tests.js <folder with unit.json and browser.json> <exit status>
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, exit] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };

function read(name) {
  const path = join(folder, name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

for (const { status, assertionResults } of read('unit.json')?.testResults ?? []) {
  const statuses = assertionResults.map((test) => test.status);
  total.passed += statuses.filter((each) => each === 'passed').length;
  total.skipped += statuses.filter((each) => !['passed', 'failed'].includes(each)).length;
  const failed = statuses.filter((each) => each === 'failed').length;
  total.failed += failed === 0 && status === 'failed' ? 1 : failed;
}

const browser = read('browser.json')?.stats;
if (browser) {
  total.passed += browser.expected + browser.flaky;
  total.skipped += browser.skipped;
  total.failed += browser.unexpected;
}

if (total.failed === 0 && exit !== '0') total.failed = 1;
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
