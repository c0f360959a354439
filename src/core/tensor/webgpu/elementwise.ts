/** Rotary embedding and SwiGLU: one thread per element of the result, or per pair of them. */
import { elementOf, inBoth, perElement, type Element } from './elements.ts';
import { spread, type Kernel, type Program } from './runtime.ts';

/** Rotates the first `rotated` of `heads` heads by the angle of their row's position, copies the others. */
const rotaryProgram = (element: Element): Program => ({
  name: `rotary/${element}`,
  inputs: { qkv: element, position: 'i32', cos: element, sin: element },
  outputs: { out: element },
  params: { count: 'u32', half: 'u32', heads: 'u32', rotated: 'u32', sign: 'f32' },
  code: `${perElement}
  let head = i / params.half;
  let d = i - head * params.half;
  let row = head / params.heads;
  let first = 2u * head * params.half + d;
  let second = first + params.half;
  let a = qkv[first];
  let b = qkv[second];
  if (head - row * params.heads >= params.rotated) {
    out[first] = a;
    out[second] = b;
    return;
  }
  let angle = u32(position[row]) * params.half + d;
  let c = cos[angle];
  let s = params.sign * sin[angle];
  out[first] = a * c - b * s;
  out[second] = b * c + a * s;
}`,
});

/** exp overflows beyond 88; here the sigmoid is 0 or 1 to the last bit long before. */
const sigmoid = (element: Element): string => `
fn sigmoid(x: ${element}) -> ${element} {
  return 1.0 / (1.0 + exp(-clamp(x, ${element}(-80.0), ${element}(80.0))));
}`;

const swiGluProgram = (element: Element): Program => ({
  name: `swiGlu/${element}`,
  inputs: { gateUp: element },
  outputs: { out: element },
  params: { count: 'u32', width: 'u32' },
  code: `${sigmoid(element)}
${perElement}
  let row = i / params.width;
  let at = i + row * params.width;
  let gate = gateUp[at];
  out[i] = gate * sigmoid(gate) * gateUp[at + params.width];
}`,
});

const swiGluGradProgram = (element: Element): Program => ({
  name: `swiGluGrad/${element}`,
  inputs: { gateUp: element, dOut: element },
  outputs: { dGateUp: element },
  params: { count: 'u32', width: 'u32' },
  code: `${sigmoid(element)}
${perElement}
  let row = i / params.width;
  let at = i + row * params.width;
  let gate = gateUp[at];
  let up = gateUp[at + params.width];
  let open = sigmoid(gate);
  dGateUp[at] = dOut[i] * up * open * (1.0 + gate * (1.0 - open));
  dGateUp[at + params.width] = dOut[i] * gate * open;
}`,
});

const rotary = inBoth(rotaryProgram);
const swiGlu = inBoth(swiGluProgram);
const swiGluGrad = inBoth(swiGluGradProgram);

export const elementwisePrograms: readonly Program[] = [
  rotary.vec4f,
  swiGlu.vec4f,
  swiGluGrad.vec4f,
];

export const elementwiseKernels: Record<string, Kernel> = {
  StepRotary({ qkv, position, cos, sin }, { heads, valueHeads, headDim, sign }, run) {
    const out = run.output(qkv!.shape);
    const [element, half] = elementOf(headDim! / 2);
    const all = heads! + valueHeads!;
    const count = qkv!.shape[0]! * all * half;
    const tensors = { qkv: qkv!, position: position!, cos: cos!, sin: sin!, out };
    const values = { count, half, heads: all, rotated: heads!, sign: sign! };
    run.launch(rotary[element], tensors, values, spread(Math.ceil(count / 256)));
    return out;
  },
  StepSwiGlu({ gateUp }, _, run) {
    const out = run.output([gateUp!.shape[0]!, gateUp!.shape[1]! / 2]);
    const [element, width] = elementOf(out.shape[1]!);
    const count = out.shape[0]! * width;
    const groups = spread(Math.ceil(count / 256));
    run.launch(swiGlu[element], { gateUp: gateUp!, out }, { count, width }, groups);
    return out;
  },
  StepSwiGluGrad({ gateUp, dOut }, _, run) {
    const dGateUp = run.output(gateUp!.shape);
    const [element, width] = elementOf(dOut!.shape[1]!);
    const count = dOut!.shape[0]! * width;
    const tensors = { gateUp: gateUp!, dOut: dOut!, dGateUp };
    run.launch(swiGluGrad[element], tensors, { count, width }, spread(Math.ceil(count / 256)));
    return dGateUp;
  },
};
