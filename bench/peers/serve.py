"""What both Python peers share: requests as lines of JSON on stdin, answers as lines on stdout.

The first line says {"ready": ...}. A request has an "op"; an answer carries what the handler returns, or
{"error": ...}. Weights come as a Hugging Face folder (config.json, model.safetensors), token ids as lists.
"""

import json
import sys
import time


def serve(handlers, **about):
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries that print do not disturb

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    answer({"ready": about})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(handlers[request.pop("op")](**request))
        except Exception as error:  # told to the bench, which says so below its table
            answer({"error": f"{type(error).__name__}: {error}"})


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
