"""Sampling with transformers' `generate` on the CPU: the bench's model, prompts and samples per prompt.

Rows are prompts times samples, padded on the left, with a key-value cache, at temperature 1.
"""

import torch
import transformers

from serve import seconds, serve

transformers.utils.logging.set_verbosity_error()
state = {}


def load(folder, prompts, samples, items):
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    longest = max(map(len, prompts))
    rows = [[0] * (longest - len(p)) + p for p in prompts]
    seen = [[0] * (longest - len(p)) + [1] * len(p) for p in prompts]
    state.update(model=model, ids=torch.tensor(rows), mask=torch.tensor(seen), samples=samples)
    return {"logProb": mean_log_prob(model, items)}


@torch.no_grad()
def mean_log_prob(model, items):
    """Of all completion tokens: the same number as the bench's, when the model is the same."""
    chosen = []
    for item in items:
        for completion in item["completions"]:
            ids = torch.tensor([item["prompt"] + completion])
            log_probs = model(ids).logits[0, :-1].log_softmax(-1)
            own = log_probs.gather(1, ids[0, 1:, None])[:, 0]
            chosen.append(own[len(item["prompt"]) - 1 :])
    return torch.cat(chosen).mean().item()


@torch.no_grad()
def generate(tokens):
    out = state["model"].generate(
        state["ids"],
        attention_mask=state["mask"],
        num_return_sequences=state["samples"],
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_new_tokens=tokens,
        max_new_tokens=tokens,
        eos_token_id=None,
        pad_token_id=0,
        use_cache=True,
    )
    assert out.shape[1] == state["ids"].shape[1] + tokens


def run(threads, tokens):
    torch.set_num_threads(threads)
    return {"seconds": seconds(lambda: generate(tokens))}


if __name__ == "__main__":
    serve({"load": load, "run": run}, torch=torch.__version__, transformers=transformers.__version__)
