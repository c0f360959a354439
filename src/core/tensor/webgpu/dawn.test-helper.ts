/** WebGPU in Node for tests: the package `webgpu` (Dawn), where it is installed and finds an adapter. */
import { startBackend } from '../backend.ts';

/** Clearing workgroup memory, which no kernel relies on, is what takes SwiftShader long to compile. */
const LEAVE_MEMORY = 'enable-dawn-features=disable_workgroup_init';

const CHROMIUM = '/usr/lib/chromium';

/** Makes Vulkan's loader and the software driver of an installed Chromium known to this process. */
async function provideSoftwareDriver(): Promise<boolean> {
  const [{ existsSync }, { default: process }] = await Promise.all([
    import('node:fs'),
    import('node:process'),
  ]);
  const loader = `${CHROMIUM}/libvulkan.so.1`;
  if (!existsSync(loader)) return false;
  process.env['VK_ICD_FILENAMES'] = `${CHROMIUM}/vk_swiftshader_icd.json`;
  try {
    const NOW_AND_STAY = 0x1002; // RTLD_NOW | RTLD_NODELETE: Dawn then finds it by its name
    process.dlopen({ exports: {} }, loader, NOW_AND_STAY);
  } catch {
    // It is no module of Node's, but it is loaded.
  }
  return true;
}

/** Starts tfjs's WebGPU backend with our kernels; false where there is no WebGPU. */
export async function startDawn(): Promise<boolean> {
  const name = 'webgpu'; // optional: not for the compiler to resolve
  const dawn = (await import(name).catch(() => undefined)) as
    { create(flags: string[]): GPU; globals: object } | undefined;
  let gpu = dawn?.create([LEAVE_MEMORY]);
  if (dawn && !(await gpu?.requestAdapter()) && (await provideSoftwareDriver())) {
    gpu = dawn.create([LEAVE_MEMORY]);
  }
  if (!dawn || !gpu || !(await gpu.requestAdapter())) return false;
  Object.assign(globalThis, dawn.globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  await import('@tensorflow/tfjs-backend-webgpu');
  await startBackend('webgpu');
  return true;
}
