"""What a benchmark is told: on its command line, or by the environment, as bench/run.sh hands it on."""
import argparse
import os


def parse(about, **numbers):
    """`numbers`: of each option the variable of the environment that stands for it, what it is without either, and its meaning."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, (variable, default, meaning) in numbers.items():
        parser.add_argument(f"--{name}", type=type(default), default=os.environ.get(variable, default), metavar="N",
                            help=f"{meaning} (environment: {variable}; otherwise {default})")
    return parser.parse_args()
