"""Times questions, and what a process used."""

import pathlib
import resource
import time


def percentile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def ask_all(questions, ask, seconds_max, rounds=3):
    """`ask(question, number)` gives rows and the milliseconds that it took. A case ends when its time is over."""
    results = {}
    for question in questions:
        times, rows = [], [None] * len(question.theirs)
        end = time.monotonic() + seconds_max
        is_cut = False
        for round_number in range(rounds):
            for number in range(len(question.theirs)):
                if time.monotonic() > end:
                    is_cut = True
                    break
                count, milliseconds = ask(question, number)
                rows[number] = count
                # The first round fills caches, on all sides; it counts only if there was no time for another.
                if round_number > 0:
                    times.append(milliseconds)
                elif question.group == "audit" or is_cut:
                    times.append(milliseconds)
            if is_cut:
                break
        if not times:
            times.append(milliseconds)
        results[f"{question.group}: {question.name}"] = {
            "p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99), "rows": rows, "times": len(times)}
    return results


def used():
    """Processor seconds and peak memory of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def bytes_below(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())
