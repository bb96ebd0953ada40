# What the virtual board adds to MicroPython before anything else runs: calls to the process that
# owns line, files and KPU; imports; built-in functions and modules that the engine lacks.
import builtins
import gc
import sys as real_sys

import js
import uctypes
import ujson
import utime as real_time

# What MaixPy 0.4.0's own modules take of the heap, as its `gc.mem_alloc()` said, less what those
# of this board take once a program imports them.
TAKEN_BYTES = 83616 - 24576
# What board modules import for themselves, and `dir` does not show.
HELPERS = (
    "Image",
    "ask",
    "call",
    "fetch",
    "gc",
    "math",
    "parcel",
    "place",
    "real",
    "time",
    "ustruct",
)
real_import = __import__
ALIASES = (
    ("uos", "os"),
    ("utime", "time"),
    ("binascii", "ubinascii"),
    ("hashlib", "uhashlib"),
)


def place(data):
    return {"at": uctypes.addressof(data), "n": len(data)}


def ask(*request):
    reply = ujson.loads(js.exec(ujson.dumps(request)))
    error = reply.get("e")
    if error:
        raise getattr(builtins, error[0])(*error[1])
    return reply


def call(*request):
    return ask(*request).get("v")


_lag = []


def ticks_us():
    return ask("ticks_us")["v"]


def model_done(number, started, region=False):
    # Tells that a model ran since `started`. What calling and reading the clock takes the host,
    # here and in the program around, is no time of the board.
    if not _lag:
        for _ in range(3):
            at = ticks_us()
            call("kpu_free")
            _lag.append(real_time.ticks_diff(ticks_us(), at))
    seen = real_time.ticks_diff(ticks_us(), started) + min(700, 3 * min(_lag) // 2)
    call("kpu_done", number, seen, region)


def parcel(reply):
    data = bytearray(reply["n"])
    if data:
        ask("take", place(data))
    return data


def fetch(*request):
    return bytes(parcel(ask(*request)))


def source(*request):
    ask(*request)
    return str(parcel(ask("rewrite")), "utf8")


class Module:
    def __init__(self, name, names):
        self._name, self._names = name, names

    def __getattr__(self, name):
        if self._names is None:
            self._load()
        try:
            return self._names[name]
        except KeyError:
            raise AttributeError("'module' object has no attribute '%s'" % name)

    def _load(self):
        self._names = names = {"__name__": self._name}
        run("module", self._name, names)
        for name in call("missing", self._name):
            names.pop(name, None)

    def __repr__(self):
        return "<module '%s'>" % self._name


def run(request, name, names):
    text = source(request, name)
    # The mark keeps the board's own modules out of tracebacks; on a board they are no Python.
    exec(compile(text, name if request == "file" else "\x01" + name, "exec"), names)


def module(name):
    found = real_sys.modules.get(name)
    if found is not None:
        return found
    path = ask("find_module", name, real_sys.path)["v"]
    if path is None:
        # The engine knows it, or says in its own words that it does not.
        return real_import(name)
    names = {"__name__": name, "__file__": path}
    real_sys.modules[name] = made = Module(name, names)
    try:
        run("file", path, names)
    except BaseException:
        del real_sys.modules[name]
        raise
    return made


def import_names(name, *names):
    found = module(name)
    for wanted in names:
        if not hasattr(found, wanted):
            raise ImportError("cannot import name " + wanted)


def star(name, names):
    found = module(name)
    if isinstance(found, Module):
        found.__name__
        found = found._names
        keys = found.keys()
    else:
        keys = dir(found)
    for key in keys:
        if key[0] != "_":
            names[key] = found[key] if isinstance(found, dict) else getattr(found, key)


def names_of(*what):
    # What `dir` shows of the board's modules is what programs use of them.
    if not what or not isinstance(what[0], Module):
        return real_dir(*what)
    if what[0]._names is None:
        what[0]._load()
    names = what[0]._names
    shown = names.get("__all__") or [
        name
        for name in names
        if name[0] != "_" and (name not in HELPERS or name == names["__name__"])
    ]
    return ["__class__", "__name__"] + sorted(name for name in shown if name in names)


class Sys:
    def __init__(self, attributes):
        self._attributes = attributes

    def __getattr__(self, name):
        if name in self._attributes:
            return self._attributes[name]
        return getattr(real_sys, name)

    def __repr__(self):
        return "<module 'sys'>"


def start_file(path, names):
    # As the firmware does: a traceback is printed, a SystemExit ends the file quietly.
    try:
        run("file", path, names)
    except SystemExit:
        return False
    except BaseException as error:
        real_sys.print_exception(error)
        return False
    return True


def boot(with_main, names):
    print("[MaixPy] init end")
    try:
        call("sleep", 200)
        for _ in range(20):
            pass
    except KeyboardInterrupt as error:
        real_sys.print_exception(error)
        return
    for text, path in call("start_files", with_main):
        if text:
            print(text)
        if path and not start_file(path, names):
            return


def imported(name, names=None, local_names=None, wanted=None, level=0):
    # Newer MicroPythons ask this function.
    if name in real_sys.modules or not ask("find_module", name, real_sys.path)["v"]:
        return real_import(name, names, local_names, wanted, level)
    return module(name)


originals = {}
real_dir = dir


def real(name):
    return originals[name]


def install():
    real_sys.path[:] = ["", "."]
    names = call("modules")
    for name in names:
        try:
            originals[name] = real_import(name)
        except ImportError:
            pass
        real_sys.modules[name] = Module(name, None)
    for alias, name in ALIASES:
        if name in real_sys.modules:
            real_sys.modules[alias] = real_sys.modules[name]
    import _files

    builtins.open = _files.open
    import _system

    real_sys.modules["sys"] = Sys(_system.attributes())
    gc.collect()
    if gc.mem_alloc() < TAKEN_BYTES:
        taken.append(bytearray(TAKEN_BYTES - gc.mem_alloc()))


taken = []
real_sys.modules["_board"] = Module("_board", globals())
builtins.__module__ = module
builtins.__names__ = import_names
builtins.__star__ = star
builtins.dir = names_of
builtins.__import__ = imported
install()
