# Files and folders, and what the firmware is called.
from collections import namedtuple

from _board import call, fetch

_Uname = namedtuple("", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    return _Uname(*call("uname"))


def listdir(path=""):
    return [entry[0] for entry in call("listing", path)]


def ilistdir(path=""):
    return (tuple(entry) for entry in call("listing", path))


def stat(path):
    return tuple(call("stat", path))


def statvfs(path):
    return tuple(call("statvfs", path))


def remove(path):
    call("remove", path)


unlink = remove


def rename(old, new):
    call("rename", old, new)


def mkdir(path):
    call("mkdir", path)


def rmdir(path):
    call("rmdir", path)


def chdir(path):
    call("chdir", path)


def getcwd():
    return call("getcwd")


def sync():
    pass


def urandom(count):
    return fetch("urandom", count)
