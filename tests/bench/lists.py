"""A full list of which little changed against publishing all of its rows, on the same broker: time and memory.

The same rows are delivered three times: as a feed of changes, which publishes them all and compares nothing; as the first full list, which publishes
them all and fills the image; as the next full list, in which one row of a thousand differs, some are new and some gone.
"""
import os
import pathlib
import shutil
import subprocess
import threading
import time

import figures

ROOT = pathlib.Path(os.environ["XQ_ROOT"])
FOLDER = pathlib.Path(os.environ["XQ_FOLDER"]) / "lists"
BIN = pathlib.Path(os.environ["XQ_BUILD"]) / "bin"
RECORDS = int(os.environ["XQ_BENCH_RECORDS"])
PREFIX = f"benchlists{os.getpid()}."
PARTITIONS = 6
FEED = "registration.basic"
LIMIT_S = 900
COLUMNS = ("PRIPID,UNISCID,REGNO,ENTNAME,ENTTYPE,LEREP,CERNO,REGCAP,ESTDATE,OPFROM,OPTO,DOM,OPSCOPE,INDUSTRYCO,REGORG,APPRDATE,REGSTATE,"
           "AREA,OP,TS\n")
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
POWERS = [pow(3, place, 31) for place in range(17)]


def credit_code(number):
    body = f"{number:08d}"
    check = 11 - sum(int(digit) * weight for digit, weight in zip(body, (3, 7, 9, 10, 5, 8, 4, 2))) % 11
    text = "91450200" + body + {10: "X", 11: "0"}.get(check, str(check))
    return text + ALPHABET[-sum(ALPHABET.index(character) * power for character, power in zip(text, POWERS)) % 31]


def write(path, numbers, is_changed):
    with open(path, "w", encoding="utf-8") as file:
        file.write(COLUMNS)
        for number in numbers:
            capital = 500 if is_changed(number) else 300
            file.write(f"4502977{number:09d},{credit_code(number)},450225{number:09d},柳州市第{number}号螺蛳粉有限公司,1151,罗某癸,"
                       f"450226191108172297,{capital}(万),2025-04-14,2025-04-14,,柳州市融水苗族自治县柳邕路{number % 977}号,"
                       "\"许可项目：食品生产；食品销售。一般项目：食用农产品批发,食用农产品零售\",H6210,融水苗族自治县市场监督管理局,2025-04-14,"
                       "存续（在营、开业、在册）,450225,i,2026-09-01 08:01:00\n")


def configure(name, extra):
    """An adapter of its own: {name} is its folder."""
    folder = FOLDER / name
    (folder / "mappings").mkdir(parents=True)
    (folder / "inbox" / FEED).mkdir(parents=True)
    mapping = (ROOT / "adapters" / "departments" / "market" / f"{FEED}.cfg").read_text(encoding="utf-8")
    (folder / "mappings" / f"{FEED}.cfg").write_text(mapping + extra, encoding="utf-8")
    (FOLDER / "pepper").write_text("5a" * 32 + "\n", encoding="utf-8")
    (FOLDER / "pepper").chmod(0o600)
    kafka = f'kafka = {{ bootstrap = "{os.environ["XQ_BOOTSTRAP"]}"; prefix = "{PREFIX}"; }};'
    (folder / "adapter.cfg").write_text(
        f'name = "{name}"; department = "market"; catalogue = "{ROOT}/schemas/catalogue.cfg"; {kafka}\n'
        f'mappings = "{folder}/mappings"; inbox = "{folder}/inbox"; state = "{folder}/state"; pepper_file = "{FOLDER}/pepper";\n'
        f'partitions = {PARTITIONS};\n', encoding="utf-8")
    (FOLDER / "xinqiao.cfg").write_text(f'catalogue = "{ROOT}/schemas/catalogue.cfg"; {kafka}\n', encoding="utf-8")
    return folder


class Memory(threading.Thread):
    """The most that a process has of its own, and with the pages of files that it has mapped, in MiB."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.own, self.whole = f"/proc/{pid}/status", 0, 0

    def run(self):
        while True:
            try:
                with open(self.path, encoding="utf-8") as file:
                    lines = dict(line.split(":", 1) for line in file)
                self.own = max(self.own, int(lines["RssAnon"].split()[0]) / 1024)
                self.whole = max(self.whole, int(lines["VmRSS"].split()[0]) / 1024)
            except (OSError, KeyError):
                return
            time.sleep(0.05)


class Adapter:
    """A running one; figures of each file from its rename to its move."""

    def __init__(self, folder):
        self.folder = folder
        with open(FOLDER / "adapter.log", "ab") as log:
            self.process = subprocess.Popen([BIN / "xinqiao-adapter", "--config", folder / "adapter.cfg"], stderr=log)
        self.memory = Memory(self.process.pid)
        self.memory.start()
        (folder / "inbox" / FEED).mkdir(parents=True, exist_ok=True)
        self.wait(folder / "inbox" / FEED / "done")
        time.sleep(3)

    def wait(self, path):
        deadline = time.monotonic() + LIMIT_S
        while not path.exists():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"{path} does not come: see {FOLDER}/adapter.log")
            time.sleep(0.02)

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def take(self, source, name):
        """(seconds, processor seconds)"""
        target = self.folder / "inbox" / FEED / name
        shutil.copyfile(source, target.with_name(f".{name}"))
        began, cpu = time.monotonic(), self.cpu_s()
        target.with_name(f".{name}").rename(target)
        self.wait(self.folder / "inbox" / FEED / "done" / name)
        return time.monotonic() - began, self.cpu_s() - cpu

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    changes, full = configure("changes", ""), configure("full", 'list = "full";\n')
    subprocess.run([BIN / "xinqiao", "topics", "create", "--partitions", str(PARTITIONS)], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "XQ_CONFIG": str(FOLDER / "xinqiao.cfg")})
    few = max(RECORDS // 10000, 1)
    write(FOLDER / "all.csv", range(RECORDS), lambda number: False)
    write(FOLDER / "next.csv", range(few, RECORDS + few), lambda number: number % 1250 == 0)
    adapter = Adapter(changes)
    all_s, all_cpu = adapter.take(FOLDER / "all.csv", "all.csv")
    adapter.stop()
    adapter = Adapter(full)
    first_s, first_cpu = adapter.take(FOLDER / "all.csv", "all.csv")
    next_s, next_cpu = adapter.take(FOLDER / "next.csv", "next.csv")
    adapter.stop()
    print(f"  {RECORDS:,} rows of 20 columns: as changes {all_s:.1f} s ({all_cpu:.1f} s of processor), first list {first_s:.1f} s "
          f"({first_cpu:.1f} s), next list {next_s:.1f} s ({next_cpu:.1f} s); with mapped pages {adapter.memory.whole:.0f} MiB", flush=True)
    figures.record("lists: 0.1 % changed, of the time of publishing all", next_s / all_s, "", 0.5, at_most=True)
    figures.record("lists: the same, of the processor time of the adapter", next_cpu / all_cpu, "")
    figures.record("lists: 0.1 % changed, of the time of the first list", next_s / first_s, "", 0.5, at_most=True)
    figures.record("lists: rows compared a second", RECORDS / next_s, "rows/s")
    figures.record("lists: peak memory of the process", adapter.memory.own, "MiB", 200, at_most=True)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
