"""One optimiser step of GRPO in PyTorch eager on the CPU: the bench's model, rows and loss.

Two layouts of the same samples: `padded`, a row per sample with its prompt, as trainers do, and `packed`,
the bench's own rows with their mask, where every prompt is computed once. The faster one is measured.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from serve import seconds, serve


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, hd = c["hidden_size"], c["head_dim"]
        self.heads, self.kv, self.hd = c["num_attention_heads"], c["num_key_value_heads"], hd
        self.norm1 = nn.RMSNorm(d, eps=c["rms_norm_eps"])
        self.norm2 = nn.RMSNorm(d, eps=c["rms_norm_eps"])
        # Matrices that read the same input are one, as in the bench: fewer, larger products.
        self.qkv = nn.Linear(d, (self.heads + 2 * self.kv) * hd, bias=False)
        self.out = nn.Linear(self.heads * hd, d, bias=False)
        self.gate_up = nn.Linear(d, 2 * c["intermediate_size"], bias=False)
        self.down = nn.Linear(c["intermediate_size"], d, bias=False)

    def forward(self, x, cos, sin, mask):
        b, t, _ = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, t, self.heads + 2 * self.kv, self.hd).transpose(1, 2)
        q, k, v = qkv.split([self.heads, self.kv, self.kv], dim=1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=True
        )
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, -1))
        gate, up = self.gate_up(self.norm2(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])
        half = torch.arange(0, c["head_dim"], 2, dtype=torch.float64) / c["head_dim"]
        angle = torch.outer(
            torch.arange(c["max_position_embeddings"], dtype=torch.float64), c["rope_theta"] ** -half
        )
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)

    def forward(self, tokens, position, mask, rows):
        x = self.embed(tokens)
        cos, sin = self.cos[position][:, None], self.sin[position][:, None]
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        hidden = self.norm(x.flatten(0, 1)[rows])
        return hidden @ self.embed.weight.T  # tied, and only where the loss needs logits


def load_model(folder):
    config = json.loads((Path(folder) / "config.json").read_text())
    theirs = load_file(Path(folder) / "model.safetensors")
    ours = {"embed.weight": theirs["model.embed_tokens.weight"], "norm.weight": theirs["model.norm.weight"]}
    for i in range(config["num_hidden_layers"]):
        p, o = f"model.layers.{i}.", f"layers.{i}."
        attention = [theirs[f"{p}self_attn.{n}_proj.weight"] for n in "qkv"]
        ours[o + "qkv.weight"] = torch.cat(attention)
        ours[o + "out.weight"] = theirs[p + "self_attn.o_proj.weight"]
        ours[o + "gate_up.weight"] = torch.cat([theirs[f"{p}mlp.{n}_proj.weight"] for n in ("gate", "up")])
        ours[o + "down.weight"] = theirs[p + "mlp.down_proj.weight"]
        ours[o + "norm1.weight"] = theirs[p + "input_layernorm.weight"]
        ours[o + "norm2.weight"] = theirs[p + "post_attention_layernorm.weight"]
    model = Llama(config)
    model.load_state_dict(ours)
    return model


def padded_batch(items):
    texts = [(item["prompt"], completion) for item in items for completion in item["completions"]]
    length = max(len(p) + len(c) for p, c in texts)
    tokens = torch.zeros(len(texts), length, dtype=torch.long)
    rows = []
    for i, (prompt, completion) in enumerate(texts):
        tokens[i, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        first = i * length + len(prompt) - 1
        rows += range(first, first + len(completion))
    # Padding is behind each text, where causal attention does not look.
    position = torch.arange(length).expand(len(texts), length)
    return {"tokens": tokens, "position": position, "mask": None, "rows": torch.tensor(rows)}


def packed_batch(packed):
    shape = (packed["batch"], packed["length"])
    column = {name: torch.tensor(packed[name]).view(shape)[:, :, None]
              for name in ("prefixStart", "prefixEnd", "segmentStart")}
    i = torch.arange(shape[1])[None, :, None]
    j = torch.arange(shape[1])[None, None, :]
    prompt = (j >= column["prefixStart"]) & (j < column["prefixEnd"])
    own = (j >= column["segmentStart"]) & (j <= i)
    return {
        "tokens": torch.tensor(packed["tokens"]).view(shape),
        "position": torch.tensor(packed["position"]).view(shape),
        "mask": (prompt | own)[:, None],
        "rows": torch.tensor(packed["rows"]),
    }


class Trainer:
    def __init__(self, folder, items, packed, advantages):
        self.model = load_model(folder)
        # One loop over all parameters in C++, the fastest that eager has.
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=0.0, weight_decay=0.0, fused=True
        )
        self.batches = {"padded": padded_batch(items), "packed": packed_batch(packed)}
        completions = [c for item in items for c in item["completions"]]
        self.targets = torch.tensor([token for c in completions for token in c])
        self.advantages = torch.tensor(
            [a for a, c in zip(advantages, completions) for _ in c], dtype=torch.float32
        )

    def step(self, layout):
        logits = self.model(**self.batches[layout])
        chosen = logits.gather(1, self.targets[:, None])[:, 0] - logits.logsumexp(1)
        ratio = (chosen - chosen.detach()).exp()
        gain = torch.minimum(ratio * self.advantages, ratio.clamp(0.8, 1.2) * self.advantages)
        loss = -gain.mean()
        self.optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return {"loss": loss.item(), "logProb": chosen.mean().item(), "gradNorm": norm.item()}


trainer = None


def load(threads, **data):
    """What a step computes in both layouts, and seconds of a step in each at each number of threads."""
    global trainer
    trainer = Trainer(**data)
    results = {layout: trainer.step(layout) for layout in trainer.batches}
    took = {}
    for count in threads:
        torch.set_num_threads(count)
        took[count] = {layout: min(seconds(lambda: trainer.step(layout)) for _ in range(2))
                       for layout in trainer.batches}
    return {"results": results, "seconds": took}


def run(threads, layout):
    torch.set_num_threads(threads)
    return {"seconds": seconds(lambda: trainer.step(layout))}


def matmul(threads):
    torch.set_num_threads(threads)
    a, b = torch.ones(1024, 1024), torch.ones(1024, 1024)
    took = min(seconds(lambda: a @ b) for _ in range(8))
    return {"gflops": 2 * 1024**3 / took / 1e9}


if __name__ == "__main__":
    serve({"load": load, "run": run, "matmul": matmul}, torch=torch.__version__)
