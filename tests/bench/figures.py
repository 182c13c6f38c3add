"""Figures: what the benchmarks found, as a table and in build/bench.json."""
import json
import os

PATH = os.path.join(os.environ["XQ_ROOT"], "build", "bench.json")


def load():
    try:
        with open(PATH, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return []


def record(name, value, unit, goal=None, at_most=False):
    """Adds a figure, or replaces the one of that name. `goal` None: only told, not judged."""
    holds = None if goal is None else bool(value <= goal if at_most else value >= goal)
    figure = {"name": name, "value": round(value, 4), "unit": unit, "goal": goal, "holds": holds}
    figures = [other for other in load() if other["name"] != name] + [figure]
    with open(PATH + ".part", "w", encoding="utf-8") as file:
        json.dump(figures, file, ensure_ascii=False, indent=1)
        file.write("\n")
    os.replace(PATH + ".part", PATH)
    print(line_of(figure), flush=True)


def text_of(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def line_of(figure):
    goal = "" if figure["goal"] is None else f"goal {text_of(figure['goal'])}"
    mark = {None: " ", True: "✓", False: "✗"}[figure["holds"]]
    return f"{mark} {figure['name']:<58} {text_of(figure['value']):>10} {figure['unit']:<12} {goal}"


def main():
    for figure in load():
        print(line_of(figure))
    print(f"→ {PATH}")


if __name__ == "__main__":
    main()
