"""libwally, imported so that its Python module does not crash a process that ends.

While the interpreter ends it frees the module's capsule, and the module (1.5.6) then makes an
object of a type that may be gone already: the exit code would be a crash's. One reference to the
capsule that is never returned keeps it.
"""

import ctypes
import sys

import wallycore as wally

for _name, _module in list(sys.modules.items()):
    if _name.startswith("swig_runtime_data"):
        for _value in list(vars(_module).values()):
            if type(_value).__name__ == "PyCapsule":
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(_value))

__all__ = ["wally"]
