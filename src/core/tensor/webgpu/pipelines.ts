/** Programs in WGSL and the pipelines made of them, kept per device. */
import { Parameters } from './parameters.ts';

type Scalar = 'u32' | 'i32' | 'f32';

export interface Program {
  /** Unique among all programs, whatever is written into the code included. */
  name: string;
  inputs: Record<string, string>;
  outputs: Record<string, string>;
  params: Record<string, Scalar>;
  /** WGSL with an entry point `main`, without the declarations of inputs, outputs and params. */
  code: string;
}

interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** Everything kept per device. */
class DeviceState {
  readonly device: GPUDevice;
  readonly parameters: Parameters;
  /** Bound in place of inputs that are not given or empty. */
  readonly nothing: GPUBuffer;
  readonly pipelines = new Map<string, Pipeline>();
  readonly #layouts = new Map<string, [GPUBindGroupLayout, GPUPipelineLayout]>();

  constructor(device: GPUDevice) {
    this.device = device;
    this.parameters = new Parameters(device);
    this.nothing = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
  }

  descriptor(program: Program): [GPUBindGroupLayout, GPUComputePipelineDescriptor] {
    const kinds = bindingsOf(program).map(({ kind }) => kind);
    const key = kinds.join();
    let layouts = this.#layouts.get(key);
    if (!layouts) {
      const bindGroupLayout = this.device.createBindGroupLayout({
        entries: kinds.map((type, binding) => ({
          ...{ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } },
        })),
      });
      const bindGroupLayouts = [bindGroupLayout];
      layouts = [bindGroupLayout, this.device.createPipelineLayout({ bindGroupLayouts })];
      this.#layouts.set(key, layouts);
    }
    const code = declarations(program) + program.code;
    const module = this.device.createShaderModule({ label: program.name, code });
    const compute = { module, entryPoint: 'main' };
    return [layouts[0], { label: program.name, layout: layouts[1], compute }];
  }

  pipelineOf(program: Program): Pipeline {
    const known = this.pipelines.get(program.name);
    if (known) return known;
    const [layout, descriptor] = this.descriptor(program);
    const made = { layout, pipeline: this.device.createComputePipeline(descriptor) };
    this.pipelines.set(program.name, made);
    return made;
  }
}

const states = new WeakMap<GPUDevice, DeviceState>();

export function stateOf(device: GPUDevice): DeviceState {
  let state = states.get(device);
  if (!state) states.set(device, (state = new DeviceState(device)));
  return state;
}

interface Binding {
  name: string;
  kind: GPUBufferBindingType;
  type: string;
}

function bindingsOf({ inputs, outputs, params }: Program): Binding[] {
  const arrays = (of: Record<string, string>, kind: GPUBufferBindingType): Binding[] =>
    Object.entries(of).map(([name, type]) => ({ name, kind, type: `array<${type}>` }));
  const all = [...arrays(inputs, 'read-only-storage'), ...arrays(outputs, 'storage')];
  if (Object.keys(params).length > 0) all.push({ name: 'params', kind: 'uniform', type: 'Params' });
  return all;
}

const SPACES = new Map<GPUBufferBindingType, string>([
  ['read-only-storage', 'storage, read'],
  ['storage', 'storage, read_write'],
  ['uniform', 'uniform'],
]);

function declarations(program: Program): string {
  const fields = Object.entries(program.params).map(([name, type]) => `  ${name}: ${type},\n`);
  const struct = fields.length > 0 ? `struct Params {\n${fields.join('')}}\n` : '';
  const variables = bindingsOf(program).map(
    ({ name, kind, type }, i) =>
      `@group(0) @binding(${i}) var<${SPACES.get(kind)!}> ${name}: ${type};\n`,
  );
  return struct + variables.join('');
}

/** The values of the parameters as they lie in the struct. */
export function wordsOf(
  program: Program,
  values: Record<string, number>,
): Uint32Array<ArrayBuffer> {
  const types = Object.entries(program.params);
  const bytes = new DataView(new ArrayBuffer(4 * types.length));
  types.forEach(([name, type], i) => {
    if (type === 'f32') bytes.setFloat32(4 * i, values[name]!, true);
    else bytes.setInt32(4 * i, values[name]!, true);
  });
  return new Uint32Array(bytes.buffer);
}
