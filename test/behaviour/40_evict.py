#!/usr/bin/env python3
"""With memory for two models, a third one lets the longest idle one go, and everybody is answered."""
from node import Node, check, equal

with Node("--model-memory", "300M") as node:
    for _ in range(3):
        for model in ("double", "ids-and-words", "classifier-map", "mnist-mlp"):
            equal(node.infer(model)[0], 200, model)
    status, state = node.admin("GET", "/state")
    check(state["evictions"] > 0 and state["model_memory_used"] <= state["model_memory"], f"evictions within the budget: {state}")
