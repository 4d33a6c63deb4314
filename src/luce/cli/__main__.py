"""``python -m luce.cli`` is the ``luce`` command, also where scripts are not on the PATH."""

from luce.cli import main

if __name__ == "__main__":
    main()
