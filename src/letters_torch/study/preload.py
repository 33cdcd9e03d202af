"""Imports what a trial needs. Ray's processes import it when they start, before they are given a trial."""

import gc
import importlib

gc.disable()  # imports leave no garbage, and looking for it takes a seventh of their time
importlib.import_module("letters_torch.study.actor")
gc.freeze()
gc.enable()
