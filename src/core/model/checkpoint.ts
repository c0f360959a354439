/**
 * Policies as Hugging Face files: `config.json` and `model.safetensors` with Llama's parameter names,
 * readable by transformers and the other way round. Our fused matrices are stacked rows of theirs.
 */
import { tf } from '#tfjs';
import { badInput } from '../errors.ts';
import { modelConfigFromJson, modelConfigToJson, type ModelConfig } from './config.ts';
import { makePolicy, type Policy } from './policy.ts';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors.ts';
import { parameterShapes } from './shapes.ts';

/** Each parameter of ours as the Hugging Face tensors it stacks, with their numbers of rows. */
function parts(name: string, config: ModelConfig): [string, number][] {
  const d = config.hidden_size;
  const [, layer, own] = /^layers\.(\d+)\.(\w+)$/.exec(name) ?? [];
  if (own === undefined) {
    const top = { embed: 'model.embed_tokens', norm: 'model.norm', lm_head: 'lm_head' }[name]!;
    return [[`${top}.weight`, name === 'norm' ? d : config.vocab_size]];
  }
  const p = `model.layers.${layer}.`;
  const queries = config.num_attention_heads * config.head_dim;
  const keys = config.num_key_value_heads * config.head_dim;
  const heads = (suffix: string): [string, number][] => [
    [`${p}self_attn.q_proj.${suffix}`, queries],
    [`${p}self_attn.k_proj.${suffix}`, keys],
    [`${p}self_attn.v_proj.${suffix}`, keys],
  ];
  const table: Record<string, [string, number][]> = {
    attention_norm: [[`${p}input_layernorm.weight`, d]],
    qkv: heads('weight'),
    qkv_bias: heads('bias'),
    attention_out: [[`${p}self_attn.o_proj.weight`, d]],
    mlp_norm: [[`${p}post_attention_layernorm.weight`, d]],
    gate_up: [
      [`${p}mlp.gate_proj.weight`, config.intermediate_size],
      [`${p}mlp.up_proj.weight`, config.intermediate_size],
    ],
    mlp_out: [[`${p}mlp.down_proj.weight`, d]],
  };
  return table[own]!;
}

/** `config.json` and `model.safetensors`. */
export async function savePolicy(policy: Policy): Promise<Record<string, Uint8Array>> {
  const tensors = new Map<string, NamedTensor>();
  const read = await Promise.all(
    Array.from(policy.parameters.values(), (parameter) => parameter.data<'float32'>()),
  );
  for (const [i, [name, parameter]] of [...policy.parameters].entries()) {
    const data = read[i]!;
    const width = parameter.shape.slice(1);
    const perRow = width.reduce((product, n) => product * n, 1);
    let row = 0;
    for (const [theirs, rows] of parts(name, policy.config)) {
      const slice = data.slice(row * perRow, (row + rows) * perRow);
      tensors.set(theirs, { shape: [rows, ...width], data: slice });
      row += rows;
    }
  }
  const config = JSON.stringify(modelConfigToJson(policy.config), null, 2);
  return {
    'config.json': new TextEncoder().encode(`${config}\n`),
    'model.safetensors': writeSafetensors(tensors),
  };
}

/** Reads what `savePolicy` writes, and Llama or Qwen2 checkpoints of one file. */
export function loadPolicy(files: Record<string, Uint8Array>): Policy {
  const read = (file: string): Uint8Array => {
    const bytes = files[file];
    if (!bytes) throw badInput('checkpoint', Object.keys(files).join(', '), `a file ${file}`);
    return bytes;
  };
  const text = new TextDecoder().decode(read('config.json'));
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badInput('config.json', text, 'valid JSON');
  }
  const config = modelConfigFromJson(json);
  const tensors = readSafetensors(read('model.safetensors'), 'model.safetensors');
  if (config.num_hidden_layers > tensors.size) {
    throw badInput(
      'config.json: num_hidden_layers',
      config.num_hidden_layers,
      `no more layers than model.safetensors has tensors (${tensors.size})`,
    );
  }
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of parameterShapes(config)) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1));
    let offset = 0;
    for (const [theirs, rows] of parts(name, config)) {
      const expected = [rows, ...shape.slice(1)];
      const tensor = tensors.get(theirs);
      if (tensor?.shape.join() !== expected.join()) {
        throw badInput(
          `model.safetensors: ${theirs}`,
          tensor?.shape,
          `a tensor of shape [${expected.join(', ')}], as config.json says`,
        );
      }
      data.set(tensor.data, offset);
      offset += tensor.data.length;
    }
    values.set(name, data);
  }
  return makePolicy(config, (name, shape) => tf.tensor(values.get(name)!, shape));
}
