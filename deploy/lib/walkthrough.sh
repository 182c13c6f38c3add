# shellcheck shell=bash
# A walk through the feeds of departments, the rights of a subject and the subscribers, on a running demo: lines to paste, each with what one
# sees after it.
#
#   walkthrough_print FOLDER     prints the lines; those about rights and subscribers are of two penalties that court, procurement, website,
#                                tender and province hold, and are missing when there are none
#   walkthrough_lines            those of its output that are commands (a filter)

# Market penalties of organisations that all of them hold and that no case is about; in the order of identities, so that each demo shows the
# same ones.
walkthrough_records() {
    local folder=$1 connection
    connection=$(postgresql_connection "$folder" "$EXCHANGE_DATABASE")
    comm -12 <(psql "$connection" -Atc "SELECT encode(c.xq_record, 'hex') FROM court.penalty c JOIN procurement.penalty p USING (xq_record)
                  WHERE c.xq_department = 'market' AND NOT c.xq_withdrawn AND c.xq_flags = '{}'
                  AND length(c.credit_code) = 18" | sort) \
        <(comm -12 <(walkthrough_website_holds "$folder" | sort) \
            <(comm -12 <(walkthrough_tender_holds "$folder" | sort) <(walkthrough_province_holds "$folder" | sort)))
}

walkthrough_tender_holds() {
    python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute("SELECT record FROM record WHERE NOT withdrawn"): print(row[0])' "$1/receivers/tender.sqlite"
}

walkthrough_province_holds() {
    python3 -c 'import json, sys
rows = {row["rowKey"]: row["state"] for line in open(sys.argv[1]) for row in json.loads(line).get("rows", ())}
for key, state in rows.items():
    if state != "withdrawn": print(key)' "$1/receivers/province/ledger.ndjson"
}

# The penalties of which the website's last line is not a withdrawal. Its files follow each other by name.
walkthrough_website_holds() {
    grep -hF '"item":"penalty","operation":' "$1"/website/*.ndjson |
        sed 's/^{"record":"\([0-9a-f]*\)".*"operation":"\([A-Z_]*\)".*/\1 \2/' |
        awk '{ last[$1] = $2 } END { for (record in last) if (last[record] != "WITHDRAW") print record }'
}

walkthrough_print() {
    local records
    walkthrough_print_feeds "$1"
    mapfile -t records < <(walkthrough_records "$1")
    ((${#records[@]} < 2)) || {
        walkthrough_print_rights "$1" "${records[0]}"
        walkthrough_print_subscribers "$1" "${records[0]}" "${records[1]}"
    }
}

walkthrough_print_feeds() {
    local folder=$1
    cat <<END

走一遍数据源 / a walk through the feeds（逐行粘贴 / paste the lines）
  source $folder/env; export XQ_CONFIG PATH=\$XQ_BIN:\$PATH; cd \$XQ_DEPARTMENTS
  # 1 谁怎样报送、何时应报 / who delivers how, and when the next delivery is due
  xinqiao feeds list
  # 2 试映射：逐行看源值、字段与意见，什么也不发送 / what a mapping makes of a file, row by row; nothing is sent
  xinqiao feeds try --config \$XQ_DEMO/config/adapter-construction.cfg licence construction/samples/licence/licence-20260901-001.csv --rows 1
  # 3 整份名单只剩三行：先扣下，经批准才撤回 / a full list that broke off behind its third row is held until an officer approves it
  head -n 4 bidding/samples/list.membership/list.membership-20260908-002.csv >\$XQ_DEMO/run/list.csv
  mv \$XQ_DEMO/run/list.csv \$XQ_DEMO/inbox/bidding/list.membership/list.membership-20260915-003.csv
  sleep 2; xinqiao feeds show bidding/list.membership
  D=\$(xinqiao feeds show bidding/list.membership --json | sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p')
  xinqiao feeds approve bidding/list.membership \$D --officer demo --reason 部门确认其余均已移出
  sleep 2; psql "\$XQ_PG" -c "SELECT count(*) FILTER (WHERE NOT xq_withdrawn) AS listed, count(*) FILTER (WHERE xq_withdrawn) AS withdrawn FROM court.list_membership WHERE xq_department = 'bidding'"
  # 4 公积金业务库里改一行，法院随即看到 / a row is changed in the housing fund's database, and the court sees it
  psql "\$XQ_BUREAU" -c "UPDATE public.gjj_jcmx SET jce = 88888.88 WHERE jclsh = 'GJJ202600000004'"
  sleep 1; psql "\$XQ_PG" -c "SELECT subject_name, month, amount FROM court.housingfund_contribution WHERE amount = 88888.88"
  # 5 推送两行，逐行答复：一行接收，一行说明为何退回 / two rows are pushed and answered one by one: one accepted, one refused with its reason
  sed -n '1,2s/〔2025〕/〔2026〕/p' ecommerce/samples-push/list.membership/list.membership-20260904-002.ndjson >\$XQ_DEMO/run/push.ndjson
  cd \$XQ_CERTIFICATES
  curl -sS --cacert ca.pem --cert ecommerce.pem --key ecommerce.key -H 'Content-Type: application/x-ndjson' -H 'Idempotency-Key: YS-1' --data-binary @\$XQ_DEMO/run/push.ndjson \$XQ_PUSH/feeds/list.membership; echo
  sleep 1; psql "\$XQ_PG" -c "SELECT subject_name, document_number FROM court.list_membership WHERE xq_department = 'ecommerce' AND document_number LIKE '%2026%'"
END
}

walkthrough_print_rights() {
    local folder=$1 record=$2
    cat <<END

走一遍权益 / a walk through the rights of a subject（逐行粘贴 / paste the lines）
  source $folder/env; export XQ_CONFIG PATH=\$XQ_BIN:\$PATH; R=$record
  # 1 提出异议，法院表中立即标注 / a dispute, and the court's table shows it
  xinqiao rights open dispute \$R --case YY-1 --document 异字〔2026〕1号 --officer demo --reason 当事人提出异议
  sleep 1; psql "\$XQ_PG" -c "SELECT document_number, xq_status, xq_flags FROM court.penalty WHERE xq_record = '\\x\$R'"
  xinqiao rights list --open
  # 2 异议不成立，标注消失 / it is rejected, and the mark goes
  xinqiao rights resolve YY-1 --step REJECTED --document 异字〔2026〕2号 --officer demo --reason 核实无误
  sleep 1; psql "\$XQ_PG" -c "SELECT xq_status, xq_flags FROM court.penalty WHERE xq_record = '\\x\$R'"
  # 3 作出处罚的部门准予修复，网站与各方随即撤下 / repaired: it leaves the website's file and every table
  xinqiao rights open repair \$R --case XF-1 --authority market --document 修字〔2026〕1号 --officer demo --reason 已履行义务
  sleep 3; grep -hF \$R \$XQ_WEBSITE/*.ndjson | tail -1
  # 4 为何不再提供 / why the website has it no more, rule by rule
  xinqiao why \$R website
  # 5 当事人的查询报告（标识不进命令行）/ the subject's access report; the identifier stays out of the command line
  psql "\$XQ_PG" -Atc "SELECT subject_id FROM court.penalty WHERE xq_record = '\\x\$R'" >\$XQ_DEMO/run/subject
  xinqiao subject --file \$XQ_DEMO/run/subject --kind organisation --officer demo --reason 本人申请 --html \$XQ_DEMO/run/report.html
  xinqiao subject --file \$XQ_DEMO/run/subject --kind organisation --officer demo --reason 本人申请
  # 6 重新投递，随后对账 / deliver what is current again, and look at the books
  xinqiao resync procurement --officer demo --reason 演示
  sleep 2; xinqiao books
END
}

# Behind the rights: the first record has been repaired.
walkthrough_print_subscribers() {
    local folder=$1 record=$2 other=$3
    cat <<END

走一遍订阅方 / a walk through the subscribers（逐行粘贴 / paste the lines）
  source $folder/env; export XQ_CONFIG PATH=\$XQ_BIN:\$PATH; R=$record L=$other; cd \$XQ_DEPARTMENTS
  # 1 省平台账本：修复的处罚已按它自己的标识撤下 / the platform's own ledger: the repaired penalty was withdrawn there, by its identifier
  xinqiao agents list
  curl -sS \$XQ_PROVINCE_CONTROL/count; echo
  grep -F \$R \$XQ_PROVINCE/ledger.ndjson | tail -1 | grep -oE '"(state|govId)":"[A-Za-z0-9]*"|"reason":"[A-Z]*"'
  # 2 省平台拒收一行，其原话回到部门 / the platform refuses a row, and its words come back to the department
  curl -sS -d '{"bad_rows": 1}' \$XQ_PROVINCE_CONTROL/trouble >/dev/null
  sed -n '1s/〔2025〕/〔2024〕/p' ecommerce/samples-push/list.membership/list.membership-20260904-002.ndjson >\$XQ_DEMO/run/strict.ndjson
  (cd \$XQ_CERTIFICATES && curl -sS --cacert ca.pem --cert ecommerce.pem --key ecommerce.key -H 'Content-Type: application/x-ndjson' -H 'Idempotency-Key: YS-2' --data-binary @\$XQ_DEMO/run/strict.ndjson \$XQ_PUSH/feeds/list.membership); echo
  sleep 3; xinqiao receipts --refused --subscriber province | tail -3
  xinqiao quarantine list --stage receipt | tail -3
  curl -sS -d '{"bad_rows": 0}' \$XQ_PROVINCE_CONTROL/trouble >/dev/null
  # 3 招投标平台维护期间有人提出异议：它还没有签收 / a dispute while the tender centre is paused: it has not signed for it
  xinqiao agents pause tender --officer demo --reason 接收方系统维护
  xinqiao rights open dispute \$L --case YY-2 --document 异字〔2026〕3号 --officer demo --reason 当事人提出异议
  sleep 3; xinqiao laggards
  # 4 恢复后随即签收 / it goes on, and signs
  xinqiao agents resume tender --officer demo --reason 维护完成
  sleep 3; xinqiao laggards
  xinqiao receipts \$L
  xinqiao rights resolve YY-2 --step REJECTED --document 异字〔2026〕4号 --officer demo --reason 核实无误
  # 5 现场核查：法院此刻持有什么、有多新；核查单可打印、可离线核验 / a check on the spot: what the court holds now; a sheet, verified offline
  C=\$(psql "\$XQ_PG" -Atc "SELECT credit_code FROM court.penalty WHERE xq_record = '\\x\$L'")
  curl -sS --cacert \$XQ_CERTIFICATES/ca.pem -G \$XQ_SERVE/subjects/\$C --data-urlencode purpose=评标资格审查 --data-urlencode officer=王评审 | cut -c 1-700
  curl -sS --cacert \$XQ_CERTIFICATES/ca.pem -G \$XQ_SERVE/subjects/\$C/sheet --data-urlencode purpose=评标资格审查 --data-urlencode officer=王评审 -o \$XQ_DEMO/run/sheet.html
  sed -n '/<pre>/,/<\/pre>/p' \$XQ_DEMO/run/sheet.html | sed 's/.*<pre>//; s/<\/pre>.*//' >\$XQ_DEMO/run/sheet.txt; cat \$XQ_DEMO/run/sheet.txt
  xinqiao verify \$XQ_DEMO/run/sheet.txt --keys \$XQ_KEYS
END
}

walkthrough_lines() {
    sed -n 's/^  \([^#[:space:]].*\)$/\1/p'
}
