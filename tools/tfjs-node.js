// Installs @tensorflow/tfjs-node where its own install cannot reach the host of the TensorFlow library:
// the library and its C headers come from TensorFlow's wheel on PyPI, the binding is compiled here.
// Nothing is written to package.json. `npm ci` removes it again; a second run takes seconds.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const TFJS_NODE = '4.22.0';
/** Its C interface is a superset of that of 2.9.1, for which the binding was written. */
const TENSORFLOW = '2.18.1';

const HELP = `Usage: node tools/tfjs-node.js [--into <folder>] [--cache <folder>]

Installs @tensorflow/tfjs-node ${TFJS_NODE} with the library of TensorFlow ${TENSORFLOW} from PyPI, for
\`stepsql … --backend tensorflow\`. Linux with glibc, x64 or arm64. Needs Python 3 with pip, make and a
C++ compiler, 1 GB of disk and a download of 230 MB.

  --into <folder>   project whose node_modules gets it (default: this one)
  --cache <folder>  where TensorFlow is kept, 700 MB (default: ~/.cache/stepsql)

On macOS and Windows, and wherever storage.googleapis.com can be reached, the package's own install is
the normal way: npm install --no-save @tensorflow/tfjs-node@${TFJS_NODE}`;

class Stop extends Error {}

const say = (text) => console.error(`tfjs-node: ${text}`);

/** @returns {{ into: string, cache: string } | undefined} undefined when help was asked for */
export function readOptions(args, env) {
  const { values } = parseArgs({
    args,
    options: { into: { type: 'string' }, cache: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) return undefined;
  const caches = env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const into = resolve(values.into ?? fileURLToPath(new URL('..', import.meta.url)));
  if (/\s/.test(into)) throw new Stop(`${into}: make cannot work in a folder with a space`);
  return { into, cache: resolve(values.cache ?? join(caches, 'stepsql')) };
}

/** Which wheel holds the CPU library of a machine; throws where there is none. */
export function wheelFor(platform, arch, glibc) {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch];
  if (platform !== 'linux' || !machine || !glibc) {
    const system = platform === 'linux' && machine ? 'linux without glibc' : `${platform} ${arch}`;
    throw new Stop(`not for ${system}: this is for Linux with glibc on x64 or arm64 (see --help)`);
  }
  return {
    // On arm64 the plain package is the one for CPUs.
    name: arch === 'x64' ? 'tensorflow-cpu' : 'tensorflow',
    platforms: [`manylinux_2_17_${machine}`, `manylinux2014_${machine}`],
  };
}

/** The Node-API version that @mapbox/node-pre-gyp will look for: the highest both sides know. */
export function napiVersion(offered, own) {
  const known = offered.filter((version) => version <= own);
  if (known.length === 0) throw new Stop(`this Node has Node-API ${own}, too old for tfjs-node`);
  return Math.max(...known);
}

/** node-gyp's command line for what node-pre-gyp would pass. */
export const gypCommand = (folder, napi, ownNapi) =>
  [
    'node-gyp rebuild --release --module_name=tfjs_binding',
    `--module_path=${folder}/lib/napi-v${napi}`,
    `--napi_version=${ownNapi} --napi_build_version=${napi}`,
  ].join(' ');

/** Runs a command and shows what it says only if it fails; `why` tells what that means. */
function quietly(why, command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status === 0) return stdout;
  throw new Stop(`${why}\n${[error?.message, stdout, stderr].filter(Boolean).join('\n').trim()}`);
}

/** Python: only what the binding needs, an eighth of the wheel's files. */
const UNPACK = `
import os, shutil, sys, zipfile
wheel, target = sys.argv[1:]
headers = tuple('tensorflow/include/' + each for each in
                ('tensorflow/c/', 'tensorflow/core/platform/', 'tsl/', 'xla/tsl/'))
libraries = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')
with zipfile.ZipFile(wheel) as z:
    for name in z.namelist():
        if name in libraries: path = 'lib/' + os.path.basename(name)
        elif name.startswith(headers) and name.endswith('.h'): path = name[len('tensorflow/'):]
        else: continue
        path = os.path.join(target, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with z.open(name) as source, open(path, 'wb') as out: shutil.copyfileobj(source, out, 1 << 20)
`;

/** TensorFlow's headers and libraries in the layout of binding.gyp; returns the folder. */
function ensureTensorflow(cache, wheel) {
  const folder = join(cache, `tensorflow-${TENSORFLOW}-${process.arch}`);
  if (fs.existsSync(folder)) {
    say(`TensorFlow ${TENSORFLOW} is in ${folder}`);
    return folder;
  }
  quietly(
    'python3 with pip is needed to get TensorFlow (Debian: apt install python3-pip)',
    ...['python3', ['-m', 'pip', '--version']],
  );
  say(`downloading ${wheel.name} ${TENSORFLOW} from PyPI (230 MB)`);
  const part = `${folder}.part`;
  fs.rmSync(part, { recursive: true, force: true });
  fs.mkdirSync(part, { recursive: true });
  const { status } = spawnSync(
    'python3',
    [
      ...['-m', 'pip', '--disable-pip-version-check', 'download', '--no-deps', '--no-cache-dir'],
      // Any wheel will do, whatever Python is here: its Python parts are not used.
      ...['--only-binary=:all:', '--python-version', '3.11', '--implementation', 'cp'],
      ...wheel.platforms.flatMap((platform) => ['--platform', platform]),
      ...['--dest', part, `${wheel.name}==${TENSORFLOW}`],
    ],
    { stdio: ['ignore', 2, 2] },
  );
  if (status !== 0) throw new Stop('the download failed; what pip says is above');
  say('unpacking');
  const file = join(
    part,
    fs.readdirSync(part).find((name) => name.endsWith('.whl')),
  );
  quietly('the wheel could not be unpacked', 'python3', ['-c', UNPACK, file, part]);
  fs.rmSync(file);
  // The names the linker is told; the libraries' own names are those of the wheel.
  fs.symlinkSync('libtensorflow_cc.so.2', join(part, 'lib/libtensorflow.so'));
  fs.symlinkSync('libtensorflow_framework.so.2', join(part, 'lib/libtensorflow_framework.so'));
  fs.renameSync(part, folder);
  return folder;
}

const packageIn = (into) => join(into, 'node_modules/@tensorflow/tfjs-node');

/** The package without its install script; returns its folder. */
function ensurePackage(into) {
  const folder = packageIn(into);
  if (fs.existsSync(folder) && readJson(join(folder, 'package.json')).version === TFJS_NODE) {
    say(`the package is in ${folder}`);
    return folder;
  }
  say(`installing @tensorflow/tfjs-node ${TFJS_NODE} into ${into}, without its own download`);
  fs.mkdirSync(into, { recursive: true });
  quietly(
    'npm could not install it',
    'npm',
    [
      ...['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', into],
      `@tensorflow/tfjs-node@${TFJS_NODE}`,
    ],
    { cwd: into },
  );
  return folder;
}

const readJson = (path) => JSON.parse(fs.readFileSync(path, 'utf8'));

function buildBinding(folder, tensorflow) {
  const own = Number(process.versions.napi);
  const napi = napiVersion(readJson(join(folder, 'package.json')).binary.napi_versions, own);
  for (const tool of ['make', 'c++']) {
    const why = `${tool} is needed to compile the binding (Debian: apt install build-essential)`;
    quietly(why, tool, ['--version']);
  }
  const deps = join(folder, 'deps');
  fs.rmSync(deps, { recursive: true, force: true });
  fs.symlinkSync(tensorflow, deps);
  say('compiling the binding');
  // npm brings node-gyp, its settings (nodedir) and, if it must, Node's headers. Node's own flags say which
  // C++; which ABI of its strings does not matter, because the binding calls C only.
  quietly(
    'the binding could not be compiled',
    ...['npm', ['exec', '-c', gypCommand(folder, napi, own)], { cwd: folder }],
  );
}

/** A product on the new backend, and whether it shares tfjs with whoever else uses it there. */
const PROBE = `
Object.assign(require('node:util'), { isNullOrUndefined: (x) => x == null, isArray: Array.isArray });
const tf = require('@tensorflow/tfjs-node');
const [, , , six] = tf.matMul([[1, 2], [3, 4]], [[1, 0], [1, 1.5]]).dataSync();
const theirs = require('node:module').createRequire(require.resolve('@tensorflow/tfjs-node'));
const shared = theirs.resolve('@tensorflow/tfjs-core') === require.resolve('@tensorflow/tfjs-core');
const version = tf.backend().binding.TF_Version;
console.log(JSON.stringify({ name: tf.getBackend(), six, shared, version }));
`;

/** What the probe says, or throws why it cannot. */
function check(into) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '1' };
  const why = 'it was built but does not start';
  const told = JSON.parse(quietly(why, process.execPath, ['-e', PROBE], { cwd: into, env }));
  if (told.name !== 'tensorflow' || told.six !== 6)
    throw new Stop(`${why}: ${JSON.stringify(told)}`);
  if (!told.shared) {
    throw new Stop(
      `it has a tfjs-core of its own: ${into} needs @tensorflow/tfjs ${TFJS_NODE} too`,
    );
  }
  return `works, on TensorFlow ${told.version}: try it with --backend tensorflow`;
}

/** Whether there is nothing to do: also after an install of the package's own. */
function worksAlready(into) {
  if (!fs.existsSync(packageIn(into))) return false;
  try {
    say(`already there: ${check(into)}`);
    return true;
  } catch {
    return false;
  }
}

function main() {
  const options = readOptions(process.argv.slice(2), process.env);
  if (!options) {
    console.log(HELP);
    return;
  }
  if (worksAlready(options.into)) return;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  const wheel = wheelFor(process.platform, process.arch, glibc);
  const tensorflow = ensureTensorflow(options.cache, wheel);
  buildBinding(ensurePackage(options.into), tensorflow);
  say(check(options.into));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    const known = error instanceof Stop || error.code?.startsWith('ERR_PARSE_ARGS');
    say(known ? error.message : error.stack);
    process.exitCode = 1;
  }
}
