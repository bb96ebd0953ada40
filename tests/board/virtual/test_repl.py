"""The REPL, interrupts, soft reset, start files and imports."""

from __future__ import annotations

import pytest

from harness.board.virtual import start

from .client import PROMPT, RAW, Client, ProgramError


def test_the_board_boots_with_clocks_heap_and_banner(micropython):
    with start() as board, Client(board.port) as client:
        text = client.until(b">>> ").decode("latin-1")
    places = [
        text.index(part) for part in ("Pll0:freq", "gc heap=", "init end", "MicroPython v0.6")
    ]
    assert places == sorted(places)
    assert "virtual board" in text


def test_what_a_program_prints_and_its_traceback_come_back(client):
    assert client.run("print(6 * 7)") == "42\n"
    with pytest.raises(ProgramError, match=r"line 2, in f\s+ZeroDivisionError"):
        client.run("def f():\n    return 1 / 0\nf()")


def test_tracebacks_show_no_line_of_the_boards_own_modules(client):
    with pytest.raises(ProgramError) as error:
        client.run("import os\nos.listdir('/none')")
    assert error.value.args[0].splitlines()[1:] == [
        '  File "<stdin>", line 2, in <module>',
        "OSError: [Errno 2] ENOENT",
    ]


def test_syntax_of_later_micropythons_is_refused(client):
    with pytest.raises(ProgramError, match="SyntaxError"):
        client.run("x = 1\nprint(f'{x}')")


@pytest.mark.parametrize(
    "code", ["while True: pass", "import time\ntime.sleep(60)", "import sys\nsys.stdin.read(1)"]
)
def test_ctrl_c_ends_a_program(client, code):
    client.send(code.encode() + b"\x04")
    client.until(b"OK")
    client.quiet(0.2)
    client.send(b"\x03")
    assert b"KeyboardInterrupt" in client.until(b"\x04>", 2)
    assert client.run("print(1)") == "1\n"


def test_without_interrupt_character_ctrl_c_is_a_byte(client):
    code = (
        "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('on')\nprint(sys.stdin.read(3))"
    )
    client.send(code.encode() + b"\x04")
    client.until(b"on\r\n")
    client.send(b"a\x03b")
    assert client.until(b"\x04>") == b"a\x03b\r\n\x04\x04>"
    assert client.run("print(1)") == "1\n"


def test_a_soft_reset_forgets_names_and_stays_raw(client):
    client.run("x = 1")
    client.send(b"\x04")
    assert b"[MaixPy]: soft reboot" in client.until(RAW)
    with pytest.raises(ProgramError, match="NameError"):
        client.run("x")


def test_a_raw_paste_request_is_answered_as_by_old_firmware(client):
    client.send(b"\x05A\x01")
    assert client.until(b">") == RAW
    assert client.run("print(7)") == "7\n"


def test_the_heap_is_that_of_the_firmware(client):
    free = int(client.run("import gc\ngc.collect()\nprint(gc.mem_free())"))
    assert 400_000 < free < 560_000
    with pytest.raises(ProgramError, match="MemoryError: memory allocation failed, allocating"):
        client.run("a = bytearray(3000000)")


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_start_files_run_in_order_and_their_names_stay(micropython, reset):
    files = {
        "/flash/boot.py": "a = 1\nprint('boot runs')",
        "/sd/main.py": "b = a + 1\nprint('main runs')",
    }
    with start(files=files) as board, Client(board.port) as client:
        client.until(b">>> ")
        client.send(b"\x04" if reset == "soft" else b"import machine; machine.reset()\r")
        text = client.until(b">>> ")
        assert text.index(b"boot runs") < text.index(b"main runs")
        client.send(b"a + b\r")
        assert client.until(PROMPT).endswith(b"\r\n3" + PROMPT)


def test_ctrl_c_in_the_first_200_ms_leaves_the_start_files_out(micropython):
    files = {"/flash/main.py": "while True: print('busy')"}
    with start(files=files) as board, Client(board.port) as client:
        client.until(b"init end")
        client.send(b"\x03")
        assert b"busy" not in client.until(b">>> ")


def test_a_busy_main_is_interrupted(micropython):
    with start(files={"/flash/main.py": "while True: pass"}) as board, Client(board.port) as client:
        client.enter_raw()
        assert client.run("print(1)") == "1\n"


def test_the_reset_button_starts_a_busy_board_again(board, client):
    client.send(b"while True: pass\x04")
    client.until(b"OK")
    board.press_reset()
    assert b"init end" in client.until(b">>> ")


IMPORTS = {
    "import mine": "mine.x",
    "import mine as other, os": "other.x",
    "from mine import x": "x",
    "from mine import *": "x",
    "import mine; y = mine.x": "y",
    "try: import mine\nexcept ImportError: pass": "mine.x",
    "def f():\n    import mine\n    return mine.x": "f()",
}


@pytest.mark.parametrize("statement", IMPORTS)
def test_modules_of_the_file_system_are_imported(client, statement):
    client.run("f = open('/sd/mine.py', 'w')\nf.write('x = 5')\nf.close()")
    assert client.run(f"{statement}\nprint({IMPORTS[statement]})") == "5\n"


def test_text_that_looks_like_an_import_stays_as_it_is(client):
    code = 't = """\nimport mine\nfrom mine import *\n"""\nprint(t, "import mine")  # import mine'
    assert client.run(code) == "\nimport mine\nfrom mine import *\n import mine\n"


def test_a_module_that_is_missing_is_named(client):
    with pytest.raises(ProgramError, match="ImportError: no module named 'nothing'"):
        client.run("import nothing")


def test_imports_work_at_the_prompt_and_in_paste_mode(client):
    client.run("f = open('/sd/own.py', 'w')\nf.write('x = 6')\nf.close()")
    client.send(b"\x02")
    client.until(b">>> ")
    client.send(b"import own\r")
    assert client.until(PROMPT) == b"import own" + PROMPT
    client.send(b"own.x\r")
    assert client.until(PROMPT).endswith(b"\r\n6" + PROMPT)
    client.send(b"\x05from own import *\rprint(x)\r\x04")
    assert client.until(b">>> ").endswith(b"from own import *\r\n=== print(x)\r\n=== \r\n6\r\n>>> ")
