"""Times questions, and what a process used."""

import pathlib
import resource
import time


def percentile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def ask_all(questions, ask, seconds_max, rounds=3):
    """`ask(question, number)` gives rows and the milliseconds that it took. A case ends when its time is over.

    The first round fills caches, on all sides, and counts only where there was no time for another.
    """
    results = {}
    for question in questions:
        count = len(question.theirs)
        rows, times = [None] * count, [[] for _ in range(count)]
        end = time.monotonic() + seconds_max
        for number in [number for _ in range(rounds) for number in range(count)]:
            if time.monotonic() > end:
                break
            rows[number], milliseconds = ask(question, number)
            times[number].append(milliseconds)
        later = [asked[1:] or asked for asked in times]
        results[f"{question.group}: {question.name}"] = {"rows": rows, "times": later}
    return results


def used():
    """Processor seconds and peak memory of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def bytes_below(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())
