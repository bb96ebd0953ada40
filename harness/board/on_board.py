"""What the harness defines on a board, in MicroPython 1.9 to the newest: small, and on demand.

Everything is named `_k210…`. Answers are lines as in `harness.board.answers`.
"""

from __future__ import annotations

import zlib

# What stands under another name while a new file gets its own.
WAS = ".was"

# _k210c(data, crc) is CRC32, _k210(text) prints an answer.
ANSWER = """\
try:
 from ubinascii import crc32 as _k210c
except ImportError:
 def _k210c(d,c=0):
  c^=0xffffffff
  for b in d:
   c^=b
   for _ in range(8):
    c=(c>>1)^(0xedb88320 if c&1 else 0)
  return c^0xffffffff
def _k210(s):
 print("k210:%08x:%s"%(_k210c(bytes(s,"utf-8"))&0xffffffff,s))
"""

# _k210if(crc, call) makes a call that came whole.
GUARD = """\
def _k210if(c,s):
 if _k210c(bytes(s,"utf-8"))&0xffffffff==c:
  exec(s)
"""

# What transfers and long scripts can use here: see `harness.board.abilities.Abilities`.
ABILITIES = """\
def _k210a():
 import os
 r=[]
 try:
  from ubinascii import a2b_base64,b2a_base64
  r.append("base64")
 except ImportError:
  pass
 try:
  from ubinascii import crc32
  r.append("crc32")
 except ImportError:
  pass
 try:
  from uhashlib import sha256
  h=sha256()
  h.update(b"a")
  h.update(b"bc")
  if h.digest()[:4]==b"\\xbax\\x16\\xbf":
   r.append("sha256")
 except Exception:
  pass
 for n in ("rename","statvfs","stat","ilistdir"):
  if hasattr(os,n):
   r.append(n)
 try:
  compile
  r.append("compile")
 except NameError:
  pass
 try:
  from machine import UART
  if UART.repl_uart():
   r.append("repl_uart")
 except Exception:
  pass
 try:
  from uzlib import decompress
  if decompress(bytes((75,4,0)),-12)==b"a":
   r.append("deflate")
 except Exception:
  pass
 return r
"""

# _k210r(file, size, count) answers blocks of a file.
READ_BASE64 = """\
from ubinascii import b2a_base64 as _k210e
def _k210r(f,n,m):
 for _ in range(m):
  d=f.read(n)
  if not d:
   break
  _k210(str(_k210e(d),"utf-8").strip())
"""
READ_LITERAL = """\
def _k210r(f,n,m):
 for _ in range(m):
  d=f.read(n)
  if not d:
   break
  _k210(repr(d))
"""

# _k210w(offset, crc, block) writes a block that came whole and is the next, and answers how many
# bytes stand in the file; so a block may come twice.
WRITE = """\
%s
_k210n=0
def _k210w(o,c,d):
 global _k210n
 d=_k210d(d)
 if o==_k210n and _k210c(d)&0xffffffff==c:
  if _k210f.write(d)!=len(d):
   raise OSError(28)
  _k210n+=len(d)
 _k210(str(_k210n))
"""
WRITE_BASE64 = WRITE % "from ubinascii import a2b_base64 as _k210d"
WRITE_LITERAL = WRITE % "_k210d=bytes"

# _k210h(path) answers size and hash of a file.
HASH_SHA256 = """\
from uhashlib import sha256 as _k210sha
from ubinascii import hexlify as _k210x
def _k210h(p):
 try:
  b=bytearray(16384)
 except MemoryError:
  b=bytearray(1024)
 m=memoryview(b)
 h=_k210sha()
 n=0
 with open(p,"rb") as f:
  while True:
   c=f.readinto(b)
   if not c:
    break
   n+=c
   h.update(m[:c])
 _k210("%d %s"%(n,str(_k210x(h.digest()),"utf-8")))
"""
HASH_CRC32 = """\
def _k210h(p):
 c=n=0
 with open(p,"rb") as f:
  while True:
   d=f.read(256)
   if not d:
    break
   n+=len(d)
   c=_k210c(d,c)
 _k210("%d %08x"%(n,c&0xffffffff))
"""

# _k210m(old, new) renames a file, and may be called twice. Both of MaixPy's file systems remove a
# file before they rename another onto it; so that a reset in between leaves one of the two, the
# file that is there goes aside first, and _k210s brings it back.
RENAME = f"""\
def _k210m(o,n):
 import os
 b=n+"{WAS}"
 def t(p):
  try:
   return os.stat(p)[0]
  except OSError:
   return 0
 if t(o):
  if t(n)&0x4000:
   raise OSError(21)
  if t(n):
   if t(b):
    os.remove(b)
   os.rename(n,b)
  try:
   os.rename(o,n)
  except OSError:
   if t(b) and not t(n):
    os.rename(b,n)
   raise
 elif not t(n):
  raise OSError(2)
 if t(b):
  os.remove(b)
 _k210("done")
"""

# _k210s(path) answers mode and size of a file; size -1 where there is none. A renaming that was cut
# is undone before, or ended.
STAT = f"""\
def _k210s(p):
 import os
 b=p+"{WAS}"
 def t(f):
  try:
   v=os.stat(f)
   return v[0],v[6]
  except OSError:
   return 0,-1
 v=t(p)
 if t(b)[1]>=0:
  if v[1]<0:
   os.rename(b,p)
   v=t(p)
  else:
   os.remove(b)
 _k210("%d %d"%v)
"""

# _k210l(path) returns (name, is a folder, size) of what is in a folder.
LIST = """\
def _k210l(p):
 import os
 r=[]
 if hasattr(os,"ilistdir"):
  for e in os.ilistdir(p):
   s=e[3] if len(e)>3 else -1
   if s<=0 and e[1]!=0x4000:
    try:
     s=os.stat(p.rstrip("/")+"/"+e[0])[6]
    except OSError:
     pass
   r.append((e[0],e[1]==0x4000,s))
 else:
  for n in os.listdir():
   r.append((n,False,os.size(n)))
 return r
"""

# _k210q(path) answers size and CRC32 of the beginnings of a file, longer and longer up to all of
# it, after its size; -1 where there is none. At the end they grow by less than a block, since that
# is where what was written last may be missing.
BEGINNINGS = """\
def _k210q(p):
 import os
 try:
  s=os.stat(p)[6]
 except OSError:
  s=-1
 _k210(str(s))
 c=n=0
 if s>=0:
  with open(p,"rb") as f:
   while True:
    k=4096 if s-n>16384 else 512
    d=f.read(k)
    if not d:
     break
    n+=len(d)
    c=_k210c(d,c)&0xffffffff
    if k==512 or not n%16384:
     _k210("%d %d"%(n,c))
 _k210("end")
"""

# _k210v() returns (path, size, free) of the mounted file systems.
FILE_SYSTEMS = """\
def _k210v():
 import os
 r=[]
 try:
  for n in os.listdir("/"):
   try:
    v=os.statvfs("/"+n)
    if v[2]:
     r.append(("/"+n,v[1]*v[2],v[0]*v[3]))
   except OSError:
    pass
 except (AttributeError,TypeError):
  pass
 return r
"""

# _k210t(function) returns what it gives, or None where it raises.
TRIED = """\
def _k210t(f):
 try:
  return f()
 except Exception:
  return None
"""


def guarded(call: str) -> str:
    """Return a command that makes a call only where it came as it was sent.

    The line may turn the name in a call into that of another file, and the answer would be true of
    that one. Wants `GUARD`.
    """
    return f"_k210if({zlib.crc32(call.encode())},{call!r})"
