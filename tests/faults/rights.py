"""What happens beside the records while everything is killed: officers and departments raise cases about records that the court holds, the
gateway's clock is put forward so that terms run out, subscribers ask for all they may have again. Standard library only.

What cannot be reached at the moment is left for the next time; that all came through whole is for others to prove."""
import json
import os
import pathlib
import subprocess

ORGANISATIONS = 6  # rows of one file, cases of one officer at most
FILE_DAY = "20260915"
REPAIR_HEADER = "XF_BH,CF_XDR_MC,CF_XDR_LB,CF_XDR_SHXYM,CF_XDR_ZJHM,CF_WSH,XF_JDWH,XF_JDRQ,XF_ZT,XF_SY,XZQH,GXSJ"
COMMAND_SECONDS = 20
MS_A_DAY = 86400000


def read_environment(path):
    lines = (line.partition("=") for line in pathlib.Path(path).read_text().splitlines())
    return {name: value.strip("\"'") for name, sign, value in lines if sign}


class Rights:
    def __init__(self, folder, dice):
        self.folder, self.dice = folder, dice
        self.environment = {**os.environ, **read_environment(folder / "env")}
        self.number = 0
        self.open_disputes, self.repaired, self.restricted = [], [], []
        self.counts = {"disputes": 0, "answers": 0, "repairs": 0, "restrictions": 0, "resyncs": 0, "days": 0, "not reached": 0}

    def ask(self, *command):
        """Standard output, or None when it failed or took too long."""
        try:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode != 0:
            self.counts["not reached"] += 1
            return None
        return done.stdout

    def rows(self, columns, table, where):
        """Some rows that the court holds, as lists of texts."""
        answer = self.ask("psql", "-X", "-q", "-A", "-t", "-F", "\t", "-d", self.environment["XQ_PG"], "-c",
                          f"SELECT {columns} FROM court.{table} WHERE NOT xq_withdrawn AND {where} "
                          f"ORDER BY md5(xq_record || '{self.number}') LIMIT {ORGANISATIONS}")
        return [line.split("\t") for line in (answer or "").splitlines()]

    def operator(self, *arguments):
        return self.ask(self.environment["XQ_BIN"] + "/xinqiao", *arguments)

    def put(self, department, feed, name, text):
        inbox = self.folder / "inbox" / department / feed
        inbox.mkdir(parents=True, exist_ok=True)
        part = inbox / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.rename(inbox / name)

    # --- cases ---

    def round(self):
        """A few cases of each kind, new ones and next steps."""
        self.number += 1
        self.dispute()
        self.repair()
        self.restrict()

    def dispute(self):
        for record, in self.rows("encode(xq_record, 'hex')", self.dice.choice(("penalty", "arrears", "licence")), "true")[:2]:
            case = f"YY{self.number}-{record[:8]}"
            kind = self.dice.choice(("dispute", "correction"))
            if self.operator("rights", "open", kind, record, "--case", case, "--document", f"桂信〔2026〕{self.number}号",
                             "--officer", "faults", "--reason", "异议", "--no-wait") is not None:
                self.counts["disputes"] += 1
                self.open_disputes.append(case)
        if self.open_disputes and self.dice.random() < 0.6:
            case = self.open_disputes.pop(self.dice.randrange(len(self.open_disputes)))
            self.counts["answers"] += self.operator("rights", "resolve", case, "--step", self.dice.choice(("UPHELD", "REJECTED")),
                                                    "--document", f"桂信复〔2026〕{self.number}号", "--officer", "faults",
                                                    "--reason", "答复", "--no-wait") is not None

    def repair(self):
        where = "xq_department = 'market' AND length(credit_code) = 18 AND position(',' in subject_name) = 0"
        lines = [REPAIR_HEADER]
        for place, (name, code, document) in enumerate(self.rows("subject_name, credit_code, document_number", "penalty", where)):
            case = [f"XF{self.number}-{place}", name, "法人及非法人组织", code, "", document]
            lines.append(self.repair_line(case, "准予修复"))
            self.repaired.append(case)
        if len(self.repaired) > ORGANISATIONS:
            lines.append(self.repair_line(self.repaired.pop(0), "撤销修复"))
        self.counts["repairs"] += len(lines) - 1
        if len(lines) > 1:
            self.put("market", "repair", f"repair-{FILE_DAY}-{self.number:03d}.csv", "\n".join(lines) + "\n")

    def repair_line(self, case, step):
        return ",".join([*case, f"柳市监修〔2026〕{self.number}号", "2026-09-14", step, "已纠正", "450202", self.stamp()])

    def stamp(self):
        return f"2026-09-15 {9 + self.number // 3600:02d}:{self.number // 60 % 60:02d}:{self.number % 60:02d}"

    def restrict(self):
        lines = []
        for place, (name, code, case_number, sequence) in enumerate(
                self.rows("subject_name, credit_code, case_number, debtor_sequence", "dishonest_debtor", "length(credit_code) = 18")[:3]):
            case = {"bh": f"XZ{self.number}-{place}", "iname": name, "partyTypeName": "1", "zjhm": code, "caseCode": case_number,
                    "xh": int(sequence), "fw": self.dice.choice(("不得公开", "不得提供"))}
            lines.append(self.restriction_line(case, "限制"))
            self.restricted.append(case)
        if len(self.restricted) > 4:
            lines.append(self.restriction_line(self.restricted.pop(0), "解除"))
        self.counts["restrictions"] += len(lines)
        if lines:
            self.put("court", "restriction", f"restriction-{FILE_DAY}-{self.number:03d}.ndjson", "\n".join(lines) + "\n")

    def restriction_line(self, case, step):
        return json.dumps({**case, "wsh": f"(2026)桂02执异{self.number}号", "cdrq": "2026-09-14", "hj": step, "sy": "裁定",
                           "lb": "裁定", "jzrq": "", "xzqh": "450202", "gxsj": self.stamp()}, ensure_ascii=False)

    # --- time and resyncs ---

    def put_clock_forward(self, days):
        """The gateway's, since the beginning."""
        part = self.folder / "run" / ".clock.part"
        part.write_text(f"{days * MS_A_DAY}\n")
        part.rename(self.folder / "run" / "clock")
        self.counts["days"] = days

    def resync(self, subscriber):
        self.counts["resyncs"] += self.operator("resync", subscriber, "--officer", "faults", "--reason", "drill") is not None


def use_clock(folder):
    """From its next start on, the gateway's clock is that of a rehearsal."""
    (folder / "run" / "clock").write_text("0\n")
    settings = folder / "config" / "gateway.cfg"
    settings.write_text(settings.read_text() + f'rehearsal_clock = "{folder}/run/clock";\n')
