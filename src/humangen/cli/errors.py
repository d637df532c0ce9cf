"""How a command ends when the input is wrong: one sentence, exit code 2."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from humangen.types import InputError


def reported(main: Callable[..., Any]) -> Callable[..., Any]:
    """Turns an `InputError` into its sentence on stderr and exit code 2, and Ctrl-C into a word and 130."""

    @functools.wraps(main)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return main(*args, **kwargs)
        except InputError as error:
            # a loader worker hands its whole traceback over as the message; the sentence is its end
            sentence = str(error).strip().splitlines()[-1].removeprefix("humangen.types.InputError: ")
            print(f"error: {sentence}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    return run
