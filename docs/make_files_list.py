"""Makes the list in docs/files.md of what goes in and out, from the tests that hold it.

    python docs/make_files_list.py            # writes the list between its marks
    python docs/make_files_list.py --check    # exits with 1 where docs/files.md is not what would be written

The lines are the tests' own names, by file: what a test is called is what is promised. Inputs that are
refused come from `test_bad_input_is_one_sentence_and_leaves_nothing`.
"""

import ast
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "files.md"
START, END = "<!-- list: start -->\n", "<!-- list: end -->\n"
SECTIONS = {
    "What goes in": {
        "video files": "video/test_read_files.py",
        "odd video files": "video/test_read_odd_files.py",
        "high dynamic range": "video/test_hdr.py",
        "pictures": "video/test_read_pictures.py",
        "animations": "video/test_animation.py",
        "transparency": "video/test_source_alpha.py",
        "pipes, streams, cameras": "video/test_read_live.py",
        "cuts": "video/test_shots.py",
        "buckets and servers": "video/test_read_stored.py",
    },
    "What comes out, and what is kept": {
        "folders": "video/test_write_folder.py",
        "videos": "video/test_write_movie.py",
        "sound": "video/test_write_sound.py",
        "alpha": "video/test_write_alpha.py",
        "annotations": "video/test_write_coco.py",
        "pipes and interrupted runs": "cli/test_segment_process.py",
        "buckets": "video/test_write_upload.py",
    },
}
REFUSALS = ("cli/test_segment.py", "test_bad_input_is_one_sentence_and_leaves_nothing")


def main() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    made = before + START + made_list() + END + after
    if "--check" in sys.argv[1:]:
        sys.exit(made != text)
    PAGE.write_text(made)


def made_list() -> str:
    """The list, Markdown."""
    lines: list[str] = []
    for title, files in SECTIONS.items():
        lines += [f"\n## {title}\n"]
        for name, file in files.items():
            lines += [f"\n**{name}** (`tests/{file}`)\n\n", *(f"- {line}\n" for line in promises(file))]
    lines += [
        "\n## What is refused, and in which words\n\n",
        "| `dpa segment ...` | the sentence says |\n|---|---|\n",
    ]
    lines += [f"| `{words}` | {sentence} |\n" for words, sentence in refusals()]
    return "".join(lines)


def promises(file: str) -> list[str]:
    """The names of a file's tests, as sentences."""
    tree = ast.parse((REPOSITORY / "tests" / file).read_text())
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name.removeprefix("test_").replace("_", " ") for name in names if name.startswith("test_")]


def refusals() -> list[tuple[str, str]]:
    """Words on the command line, and what the error says of them."""
    tree = ast.parse((REPOSITORY / "tests" / REFUSALS[0]).read_text())
    test = next(node for node in tree.body if getattr(node, "name", "") == REFUSALS[1])
    assert isinstance(test, ast.FunctionDef)
    decorator = test.decorator_list[0]
    assert isinstance(decorator, ast.Call)
    cases = decorator.args[1]
    assert isinstance(cases, ast.List)
    found = []
    for case in cases.elts:
        try:
            words, sentence = ast.literal_eval(case)
        except ValueError:  # made by an expression: long names
            continue
        found.append((" ".join(words), sentence.replace("|", "\\|")))
    return found


if __name__ == "__main__":
    main()
