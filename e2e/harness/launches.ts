/** Launches of a training step and of a decoded token, with kernels of our own and without. */
import { usePlain } from '../../src/core/tensor/ops.ts';
import { perDecodedToken, perTrainingStep } from '../../src/core/train/launches.test-helper.ts';
import { useBackend } from './platform.ts';

interface Launches {
  trainingStep: number;
  decodedToken: number;
}

const count = async (): Promise<Launches> => ({
  trainingStep: await perTrainingStep(),
  decodedToken: await perDecodedToken(),
});

export async function compareLaunches(): Promise<Record<'kernels' | 'plain', Launches>> {
  await useBackend('webgpu');
  const kernels = await count();
  usePlain(true);
  try {
    return { kernels, plain: await count() };
  } finally {
    usePlain(false);
  }
}
