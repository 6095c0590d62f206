"""Writes what the tests of package lm compare with: tiny GGUF files with random weights, and the log-probabilities that a forward pass in numpy gives.

    python3 -m venv v && v/bin/pip install numpy==2.4.6 gguf==0.19.0
    v/bin/python reference.py                       # tied.gguf, untied.gguf, tiny.json
    v/bin/python reference.py model.gguf > x.json   # the cases of smollm2.json with another model's numbers

The forward pass shares nothing with the Go code: one sequence at a time, a full causal mask, float64, tokens by the plain quadratic algorithm.
"""

import json
import os
import re
import sys

import gguf
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


# -- tokens: byte-level BPE ------------------------------------------------------------------------------------------------------------------

def glyphs():
    plain = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 256)]
    out, extra = {}, 256
    for b in range(256):
        if b in plain:
            out[b] = chr(b)
        else:
            out[b] = chr(extra)
            extra += 1
    return out


GLYPHS = glyphs()


def merge(word, ranks):
    parts = [GLYPHS[b] for b in word.encode()]
    while True:
        best = min(((ranks.get((a, b), 1 << 60), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))), default=(1 << 60, 0))
        if best[0] == 1 << 60:
            return parts
        i = best[1]
        parts[i : i + 2] = [parts[i] + parts[i + 1]]


# -- the model ---------------------------------------------------------------------------------------------------------------------------------

class Model:
    def __init__(self, path):
        r = gguf.GGUFReader(path)
        get = lambda k, d=None: r.fields[k].contents() if k in r.fields else d
        self.layers, self.heads = get("llama.block_count"), get("llama.attention.head_count")
        self.kv = get("llama.attention.head_count_kv", self.heads)
        self.eps, self.base = get("llama.attention.layer_norm_rms_epsilon"), get("llama.rope.freq_base", 10000.0)
        self.w = {t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float64) for t in r.tensors}
        self.ids = {t: i for i, t in enumerate(get("tokenizer.ggml.tokens"))}
        self.ranks = {tuple(m.split(" ")): i for i, m in enumerate(get("tokenizer.ggml.merges"))}
        self.digits = get("tokenizer.ggml.pre") == "smollm"
        self.start = [get("tokenizer.ggml.bos_token_id")] if get("tokenizer.ggml.add_bos_token", False) else []

    def logits(self, tokens):
        w, n = self.w, len(tokens)
        x = w["token_embd.weight"][tokens]
        d = w["blk.0.attn_q.weight"].shape[0] // self.heads
        angle = np.arange(n)[:, None] * self.base ** (-2.0 * np.arange(d // 2) / d)[None]
        c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]

        def rope(y):
            out = np.empty_like(y)
            a, b = y[..., 0::2], y[..., 1::2]
            out[..., 0::2], out[..., 1::2] = a * c - b * s, a * s + b * c
            return out

        norm = lambda y, g: y / np.sqrt((y * y).mean(-1, keepdims=True) + self.eps) * g
        causal = np.tril(np.ones((n, n), bool))
        for i in range(self.layers):
            p = lambda name: w[f"blk.{i}.{name}.weight"]
            h = norm(x, p("attn_norm"))
            q = rope((h @ p("attn_q").T).reshape(n, self.heads, d))
            k = rope((h @ p("attn_k").T).reshape(n, self.kv, d))
            v = (h @ p("attn_v").T).reshape(n, self.kv, d)
            out = np.empty((n, self.heads, d))
            for j in range(self.heads):
                g = j // (self.heads // self.kv)
                a = np.where(causal, q[:, j] @ k[:, g].T / np.sqrt(d), -np.inf)
                a = np.exp(a - a.max(-1, keepdims=True))
                out[:, j] = a / a.sum(-1, keepdims=True) @ v[:, g]
            x = x + out.reshape(n, -1) @ p("attn_output").T
            h = norm(x, p("ffn_norm"))
            gate = h @ p("ffn_gate").T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ p("ffn_up").T)) @ p("ffn_down").T
        head = w.get("output.weight", w["token_embd.weight"])
        return norm(x, w["output_norm.weight"]) @ head.T

    def score(self, prompt, continuation):
        tokens = self.start + prompt + continuation
        z = self.logits(tokens)[-len(continuation) - 1 : -1]
        z = z - z.max(-1, keepdims=True)
        z = z - np.log(np.exp(z).sum(-1, keepdims=True))
        return [round(float(z[i, t]), 7) for i, t in enumerate(continuation)]


# -- the tiny files ------------------------------------------------------------------------------------------------------------------------------

MERGES = ["t h", "th e", "Ġ the", "i n", "a n", "Ġ a", "o u", "e r", "Ġ s", "Ġs e", "l e", "Ġse le", "c t", "Ġsele ct", "1 2", "Ġ 1", "' s", "b a", "ba ll", "l l",
          "Ã ©", "! !", "Ġ Ġ"]


def tiny(name, tied, bos, pre, base, kinds):
    rng = np.random.default_rng(7 if tied else 8)
    width, heads, kv, hidden, layers = 32, 4, 2, 64, 2
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [GLYPHS[b] for b in range(256)]
    tokens += [t for t in dict.fromkeys(m.replace(" ", "") for m in MERGES) if t not in tokens]
    w = gguf.GGUFWriter(os.path.join(HERE, name), "llama")
    w.add_block_count(layers)
    w.add_context_length(256)
    w.add_embedding_length(width)
    w.add_feed_forward_length(hidden)
    w.add_head_count(heads)
    w.add_head_count_kv(kv)
    w.add_layer_norm_rms_eps(1e-5)
    if base:
        w.add_rope_freq_base(base)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types([3] * 3 + [1] * (len(tokens) - 3))
    w.add_token_merges(MERGES)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_bos_token(bos)
    w.add_chat_template("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
                        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")

    def put(name, *shape):
        x = (rng.normal(size=shape) * (1 / np.sqrt(shape[-1]) if "token_embd" not in name else 0.5)).astype(np.float32)
        if "norm" in name:
            x = (1 + 0.1 * x).astype(np.float32)
            kind = gguf.GGMLQuantizationType.F32
        else:
            kind = kinds[hash_of(name) % len(kinds)]
        w.add_tensor(name, gguf.quantize(x, kind), raw_dtype=kind)

    d = width // heads
    put("token_embd.weight", len(tokens), width)
    for i in range(layers):
        for n, *s in (("attn_norm", width), ("attn_q", width, width), ("attn_k", kv * d, width), ("attn_v", kv * d, width), ("attn_output", width, width),
                      ("ffn_norm", width), ("ffn_gate", hidden, width), ("ffn_up", hidden, width), ("ffn_down", width, hidden)):
            put(f"blk.{i}.{n}.weight", *s)
    put("output_norm.weight", width)
    if not tied:
        put("output.weight", len(tokens), width)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def hash_of(name):
    return sum(name.encode())


# Words are given cut, so that this file needs no splitter but for digits: how texts are cut is compared with llama.cpp's own tokenizer.
TINY = [
    (["the", " ball"], [[" the"], [" select", " a", " ball"], [" 1"], [" 12"]]),
    (["I", " should", " select", " the", " same", " number", " as", " my", " partner"], [[" 1"], [" 2"], [" 123"], [" the", " ball"]]),
    (["<|im_start|>", "user", "\n", "é", "!!", "<|im_end|>", "\n"], [["the"], ["é"], ["'s"]]),
]


def encode(m, words):
    out = []
    for word in words if not m.digits else [part for w in words for part in re.split("([0-9])", w) if part]:
        out += [m.ids[word]] if word in m.ids and word.startswith("<|") else [m.ids[t] for t in merge(word, m.ranks)]
    return out


def cases(m, all_cases):
    out = []
    for prompt, continuations in all_cases:
        p = encode(m, prompt)
        out.append({"prompt": "".join(prompt), "tokens": p, "continuations": ["".join(c) for c in continuations],
                    "scores": [m.score(p, encode(m, c)) for c in continuations]})
    return out


def main():
    if len(sys.argv) > 1:
        m = Model(sys.argv[1])
        with open(os.path.join(HERE, "smollm2.json")) as f:
            stored = json.load(f)
        for c in stored:
            c["scores"] = [m.score(c["tokens"], t) for t in c["continuation_tokens"]]
        json.dump(stored, sys.stdout, ensure_ascii=False)
        return
    q = gguf.GGMLQuantizationType
    tiny("tied.gguf", True, False, "smollm", None, [q.Q4_1, q.Q8_0, q.F32])
    tiny("untied.gguf", False, True, "gpt-2", 500.0, [q.F16, q.BF16, q.Q4_0, q.Q5_1])
    out = {name: cases(Model(os.path.join(HERE, name)), TINY) for name in ("tied.gguf", "untied.gguf")}
    with open(os.path.join(HERE, "tiny.json"), "w") as f:
        json.dump(out, f, ensure_ascii=False, indent=1)


main()
