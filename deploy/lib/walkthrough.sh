# shellcheck shell=bash
# A walk through the feeds of departments and through the rights of a subject, on a running demo: lines to paste, each with what one sees
# after it.
#
#   walkthrough_print FOLDER     prints the lines; those about rights are of a penalty that court, procurement and website hold, and are
#                                missing when none is held
#   walkthrough_lines            those of its output that are commands (a filter)

# A market penalty of an organisation that all three hold and that no case is about; the first by identity, so that each demo shows the
# same one.
walkthrough_record() {
    local folder=$1 connection
    connection=$(postgresql_connection "$folder" "$EXCHANGE_DATABASE")
    comm -12 <(psql "$connection" -Atc "SELECT encode(c.xq_record, 'hex') FROM court.penalty c JOIN procurement.penalty p USING (xq_record)
                  WHERE c.xq_department = 'market' AND NOT c.xq_withdrawn AND c.xq_flags = '{}'" | sort) \
        <(walkthrough_website_holds "$folder" | sort) | sed -n 1p
}

# The penalties of which the website's last line is not a withdrawal. Its files follow each other by name.
walkthrough_website_holds() {
    grep -hF '"item":"penalty","operation":' "$1"/website/*.ndjson |
        sed 's/^{"record":"\([0-9a-f]*\)".*"operation":"\([A-Z_]*\)".*/\1 \2/' |
        awk '{ last[$1] = $2 } END { for (record in last) if (last[record] != "WITHDRAW") print record }'
}

walkthrough_print() {
    local record
    walkthrough_print_feeds "$1"
    record=$(walkthrough_record "$1") || true
    [[ -z $record ]] || walkthrough_print_rights "$1" "$record"
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

walkthrough_lines() {
    sed -n 's/^  \([^#[:space:]].*\)$/\1/p'
}
