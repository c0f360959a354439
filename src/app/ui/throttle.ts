export interface Throttled {
  (): void;
  /** Forgets a call that is still to come. */
  cancel(): void;
}

/** Runs `action` at once, then at most every `wait` ms, the last call never lost. */
export function throttle(action: () => void, wait: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const run = (): void => {
    again = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (again) run();
    }, wait);
    action();
  };
  const call = (): void => {
    if (timer === undefined) run();
    else again = true;
  };
  return Object.assign(call, {
    cancel() {
      clearTimeout(timer);
      timer = undefined;
      again = false;
    },
  });
}
