/**
 * Lets messages that have arrived be handled before a long computation goes on: the results of queries,
 * a request to stop. On wasm nothing else does, for tensors are read without waiting.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel(); // timers wait 1 to 4 ms
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
