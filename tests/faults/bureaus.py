"""What bureaus do while everything is killed: rows come, change and go in a database that is followed and in one that is asked, rows are
pushed, and a list is delivered whole again and again. Standard library only.

All of it is about records of the test's own, whose numbers begin with FAULT. What cannot be reached at the moment is left for the next
time, but a push that nobody answered is repeated under its key until it is. What was pushed and listed last is written to
FOLDER/run/bureaus.json; bureaus_check.py compares it, and the databases, with the topics."""
import csv
import io
import json
import os
import pathlib
import subprocess
import time

from rights import read_environment

COMMAND_SECONDS = 10
NEW_ROWS = 20  # in each source in each round
MOST_REMOVED = 5  # of a list at once: more would be held for approval
PATIENCE_SECONDS = 180
LIST_HEADER = ["序号", "类别", "供应商（投标人）名称", "统一社会信用代码", "地址", "严重违法失信行为的具体情形", "处罚结果", "处罚依据", "公布日期",
               "截止日期", "处理决定书编号", "执法单位"]
COMPANY, CODE = "柳州市金壮美木业有限公司", "91450225MAR7HXPM4E"

FOLLOWED = """
BEGIN;
INSERT INTO public.gjj_jcmx SELECT (jsonb_populate_record(t, jsonb_build_object('jclsh', 'FAULT' || g))).*
  FROM public.gjj_jcmx t, generate_series({first}, {last}) g WHERE jclsh = 'GJJ202600000004';
UPDATE public.gjj_jcmx SET jce = {round} + round(random()::numeric, 2) WHERE jclsh LIKE 'FAULT%' AND random() < 0.3;
DELETE FROM public.gjj_jcmx WHERE jclsh LIKE 'FAULT%' AND random() < 0.05;
UPDATE public.gjj_jcmx SET jce = jce + 1 WHERE jclsh LIKE 'FAULT%' AND random() < 0.1;
COMMIT;
"""
ASKED = """
INSERT INTO hhmd (MD_MC, MD_LB, ZT_MC, ZT_LB, ZT_SHXYM, ZT_ZJHM, FR_MC, RD_WSH, RD_JG, RD_YJ, RD_SS, LR_RQ, YX_QZ, YC_RQ, YC_YY, CS, BZ,
  XZQH, SCBZ, GXSJ)
  SELECT MD_MC, MD_LB, ZT_MC, ZT_LB, ZT_SHXYM, ZT_ZJHM, FR_MC, CONCAT('FAULT', seq), RD_JG, RD_YJ, '新增', LR_RQ, YX_QZ, YC_RQ, YC_YY, CS, BZ,
    XZQH, '0', NOW() + INTERVAL 8 HOUR FROM hhmd, seq_{first}_to_{last} WHERE RD_WSH LIKE '柳食药失信%04号' AND SCBZ IS NULL;
UPDATE hhmd SET RD_SS = CONCAT('第{round}次修改', ID), SCBZ = IF(RAND() < 0.15, 'D', '0'), GXSJ = NOW() + INTERVAL 8 HOUR
  WHERE RD_WSH LIKE 'FAULT%' AND RAND() < 0.3;
"""


class Bureaus:
    def __init__(self, folder, dice):
        self.folder, self.dice = folder, dice
        self.environment = {**os.environ, **read_environment(folder / "env")}
        self.number = 0
        self.pushed, self.listed = {}, {}  # document number: what is said of it last
        self.open_pushes = []  # (key, body, {document number: facts})
        self.counts = {"followed": 0, "asked": 0, "pushed": 0, "listed": 0, "not reached": 0, "refused": 0}

    def ask(self, *command, text=None):
        """Standard output, or None when it failed or took too long."""
        try:
            done = subprocess.run(command, env=self.environment, input=text, capture_output=True, text=True, check=False,
                                  timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode != 0:
            self.counts["not reached"] += 1
            return None
        return done.stdout

    def round(self):
        self.number += 1
        place = {"round": self.number, "first": self.number * NEW_ROWS, "last": self.number * NEW_ROWS + NEW_ROWS - 1}
        self.counts["followed"] += self.ask("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.environment["XQ_BUREAU"],
                                            text=FOLLOWED.format(**place)) is not None
        socket = (self.folder / "mariadb/home").read_text().strip() + "/socket"
        self.counts["asked"] += self.ask("mariadb", "--no-defaults", f"--socket={socket}", "--default-character-set=utf8mb4", "food",
                                         text=ASKED.format(**place)) is not None
        self.push()
        self.deliver_list()

    # --- pushes ---

    def push(self):
        numbers = [f"FAULT{self.number}-{place}" for place in range(NEW_ROWS // 2)]
        numbers += self.dice.sample(sorted(self.pushed), min(NEW_ROWS // 2, len(self.pushed)))
        rows = {number: f"第{self.number}次推送" for number in numbers}
        stamp = f"2026-10-{1 + self.number // 3600:02d} 08:{self.number // 60 % 60:02d}:{self.number % 60:02d}"
        body = "\n".join(json.dumps({
            "MD_MC": "电子商务领域红黑名单", "MD_LB": "黑名单", "ZT_MC": COMPANY, "ZT_LB": "企业", "ZT_SHXYM": CODE, "ZT_ZJHM": "", "FR_MC": "",
            "RD_WSH": number, "RD_JG": "柳州市商务局", "RD_YJ": "《电子商务法》第八十六条", "RD_SS": facts, "LR_RQ": "2025-11-29",
            "YX_QZ": "2028-11-29", "YC_RQ": "", "YC_YY": "", "CS": "取消评优", "BZ": "", "XZQH": "450225", "SCBZ": "", "GXSJ": stamp,
        }, ensure_ascii=False) for number, facts in rows.items()) + "\n"
        self.pushed.update(rows)  # it counts from the first try: what is not answered may have been taken
        self.open_pushes.append((f"fault-{self.number}", body, rows))
        self.repeat_pushes()

    def repeat_pushes(self):
        """In their order; the first that is not answered ends it."""
        while self.open_pushes:
            key, body, rows = self.open_pushes[0]
            answer = self.post(key, body)
            if answer is None:
                return
            self.open_pushes.pop(0)
            self.counts["pushed"] += len(rows)
            self.counts["refused"] += sum(one["status"] == "refused" for one in answer["results"])

    def post(self, key, body):
        folder = pathlib.Path(self.environment["XQ_CERTIFICATES"])
        answer = self.ask("curl", "--silent", "--fail", "--max-time", "8", "--cacert", folder / "ca.pem", "--cert", folder / "ecommerce.pem",
                          "--key", folder / "ecommerce.key", "--header", "Content-Type: application/x-ndjson",
                          "--header", f"Idempotency-Key: {key}", "--data-binary", "@-",
                          self.environment["XQ_PUSH"] + "/feeds/list.membership", text=body)
        return None if answer is None else json.loads(answer)

    # --- lists ---

    def deliver_list(self):
        for number in self.dice.sample(sorted(self.listed), min(MOST_REMOVED, len(self.listed) // 10)):
            del self.listed[number]
        for number in self.dice.sample(sorted(self.listed), len(self.listed) // 4):
            self.listed[number] = f"第{self.number}次更正"
        self.listed.update({f"FAULT{self.number}-{place}": "新列入" for place in range(NEW_ROWS // 2)})
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(LIST_HEADER)
        for place, (number, facts) in enumerate(sorted(self.listed.items())):
            writer.writerow([place + 1, "招标投标严重失信名单", COMPANY, CODE, "", facts, "限制参加政府采购", "《招标投标法》第五十三条", "2025-09-14",
                             "2028-09-14", number, "柳州市财政局"])
        inbox = self.folder / "inbox/bidding/list.membership"
        inbox.mkdir(parents=True, exist_ok=True)
        part = inbox / ".list.part"
        part.write_text(out.getvalue(), encoding="utf-8")
        part.rename(inbox / f"list.membership-20261001-{self.number:04d}.csv")
        self.counts["listed"] += 1

    def end(self):
        """Every push is answered in the end."""
        until = time.monotonic() + PATIENCE_SECONDS
        while self.open_pushes and time.monotonic() < until:
            self.repeat_pushes()
            time.sleep(0.5 if self.open_pushes else 0)
        (self.folder / "run/bureaus.json").write_text(json.dumps(
            {"pushed": self.pushed, "listed": self.listed, "unanswered": len(self.open_pushes), "refused": self.counts["refused"]}))
