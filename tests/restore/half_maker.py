"""A second process that dies in the middle: of the first file that it gets there is a part."""

from __future__ import annotations

import os
import socket
import sys

from flowbackup.restore.second.batch import DIRECTORIES_MAX, MESSAGE_BYTES_MAX, files_of

EXIT_CODE = 7


def main(link: int) -> None:
    with socket.socket(fileno=link) as connected:
        message, directories, _, _ = socket.recv_fds(connected, MESSAGE_BYTES_MAX, DIRECTORIES_MAX)
    name, file = next(files_of(message))
    os.write(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=directories[file.directory]), b"half")
    sys.exit(EXIT_CODE)


if __name__ == "__main__":
    main(int(sys.argv[1]))
