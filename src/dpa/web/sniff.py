"""What a file is, by its first bytes: names say nothing, and lists that point elsewhere are not opened."""

HEAD = 4096
"""Bytes that are looked at."""

_FTYP = ("avif", "avis", "heic", "heix", "mif1", "msf1")


def suffix_of(head: bytes) -> str | None:
    """The suffix for a file that can be segmented; None for what is no video and no picture.

    FFmpeg opens play lists and scripts too, which read other files and addresses: none of these gets here.

    Args:
        head: its first `HEAD` bytes.

    Example:
        >>> suffix_of(bytes(4) + b"ftypisom"), suffix_of(b"#EXTM3U")
        ('.mp4', None)
    """
    for start, magic, suffix in _MAGIC:
        if head[start : start + len(magic)] == magic:
            if suffix == ".mp4" and head[8:12].decode("latin-1") in _FTYP:
                return ".avif" if head[8:11] == b"avi" else None
            if magic == b"RIFF":
                return {b"AVI ": ".avi", b"WEBP": ".webp"}.get(head[8:12])
            return suffix
    # Transport streams: a sync byte every 188 or, with a time code before each, 192 bytes.
    for start, step in ((0, 188), (4, 192)):
        if len(head) > start + 4 * step and all(head[start + k * step] == 0x47 for k in range(5)):
            return ".ts"
    return None


_MAGIC = (
    (4, b"ftyp", ".mp4"),
    (4, b"moov", ".mov"),
    (4, b"mdat", ".mov"),
    (4, b"wide", ".mov"),
    (4, b"free", ".mov"),
    (4, b"skip", ".mov"),
    (0, b"\x1aE\xdf\xa3", ".mkv"),
    (0, b"RIFF", ".avi"),
    (0, b"OggS", ".ogv"),
    (0, b"FLV", ".flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ".wmv"),
    (0, b"\x00\x00\x01\xba", ".mpg"),
    (0, b"\x00\x00\x01\xb3", ".mpg"),
    (0, b"GIF8", ".gif"),
    (0, b"\x89PNG\r\n\x1a\n", ".png"),
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"II*\x00", ".tif"),
    (0, b"MM\x00*", ".tif"),
    (0, b"BM", ".bmp"),
    (0, b"\x06\x0e\x2b\x34", ".mxf"),
)
