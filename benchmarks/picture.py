"""Where the time goes, as a picture: one bar a run of `dpa bench --json FILE`.

    python benchmarks/picture.py docs/pictures/time.svg "fp32=fp32.json" "int8=int8.json"

A bar is the work of one frame, stage after stage, in milliseconds; stages overlap on several cores, so that
the time end to end, the black line, is shorter where there are several.
"""

import argparse
import json
from pathlib import Path
from typing import Any

STAGES = {
    "decode": "#4c78a8",
    "flow": "#f58518",
    "encoders": "#54a24b",
    "attention": "#b279a2",
    "decoder": "#e45756",
    "smooth": "#eeca3b",
    "write": "#9d755d",
}
LEFT, RIGHT, BAR, GAP, WIDTH = 130, 40, 30, 26, 900


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("picture", type=Path)
    parser.add_argument("runs", nargs="+", help="NAME=FILE")
    args = parser.parse_args()
    runs = {
        name: json.loads(Path(file).read_text())
        for name, _, file in (run.rpartition("=") for run in args.runs)
    }
    args.picture.write_text(draw(runs), "utf-8")


def draw(runs: dict[str, dict[str, Any]]) -> str:
    """The picture, SVG."""
    work = {name: _work(run) for name, run in runs.items()}
    scale = (WIDTH - LEFT - RIGHT) / max(sum(times.values()) for times in work.values())
    parts, y = [], 44
    for name, times in work.items():
        parts.append(_text(LEFT - 10, y + 20, name, "end"))
        x = float(LEFT)
        for stage, colour in STAGES.items():
            width = scale * times[stage]
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
            if width > 26:
                parts.append(_text(x + width / 2, y + 20, f"{times[stage]:.0f}", "middle", "#fff"))
            x += width
        end = LEFT + scale * runs[name]["stages"]["end to end"]["milliseconds"]["median"]
        parts.append(
            f'<path d="M{end:.1f} {y - 5}v{BAR + 10}" stroke="#fff" stroke-width="6"/>'
            f'<path d="M{end:.1f} {y - 5}v{BAR + 10}" stroke="#000" stroke-width="2.5"/>'
        )
        y += BAR + GAP
    for k, (stage, colour) in enumerate(STAGES.items()):
        x = LEFT + 104 * k
        parts.append(f'<rect x="{x}" y="12" width="14" height="14" fill="{colour}"/>')
        parts.append(_text(x + 20, 24, stage))
    body = "\n".join(parts)
    size = f'width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{ground}\n{body}\n</svg>\n'


def _work(run: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of one core's work by stage; the network's parts are stretched to the whole's time."""
    median = {name: stage["milliseconds"]["median"] for name, stage in run["stages"].items()}
    parts = ("encoders", "attention", "decoder")
    side_by_side = run["network"].get("batch", 1)
    stretch = side_by_side * median["network"] / sum(median[name] for name in parts)
    return {name: median[name] * (stretch if name in parts else 1) for name in STAGES}


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = "#222") -> str:
    font = 'font-family="sans-serif" font-size="14"'
    return f'<text x="{x:.1f}" y="{y}" {font} text-anchor="{anchor}" fill="{fill}">{text}</text>'


if __name__ == "__main__":
    main()
