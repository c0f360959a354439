// Compiles the AssemblyScript kernels and writes them as a base64 module, so that every platform loads
// them without fetching anything. `--check` only verifies that the committed file is up to date.
import asc from 'assemblyscript/asc';
import { readFileSync, writeFileSync } from 'node:fs';

const target = 'src/core/tensor/wasm/kernels.generated.ts';
const { error, stderr, binary } = await compile();
if (error) {
  console.error(stderr);
  process.exit(1);
}
if (WebAssembly.Module.exports(new WebAssembly.Module(binary)).length === 0) {
  throw new Error('kernels: the module exports nothing');
}
const base64 = Buffer.from(binary).toString('base64');
const text = `// Made by \`npm run build:kernels\` from assembly/. Do not edit.
export const KERNELS_BASE64 =
  '${base64}';
`;
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error(`${target} is out of date: run npm run build:kernels`);
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
  console.log(`${target}: ${binary.length} bytes of wasm`);
}

async function compile() {
  let binary;
  const result = await asc.main(
    [
      'src/core/tensor/wasm/assembly/index.ts',
      '-O3',
      '--noAssert',
      '--importMemory',
      ...['--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory'],
      ...['--outFile', 'kernels.wasm'],
    ],
    {
      writeFile: (name, contents) => {
        if (name === 'kernels.wasm') binary = contents;
      },
    },
  );
  return { error: result.error, stderr: result.stderr.toString(), binary };
}
