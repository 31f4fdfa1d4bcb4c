"""Many at the same time."""

import threading


def together(count, ask):
    """ask(number) in so many threads; what they return, in order."""
    answers = [None] * count

    def run(number):
        answers[number] = ask(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
