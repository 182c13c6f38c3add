# shellcheck shell=bash
# A walk through the rights of a subject, on a running demo: lines to paste, each with what one sees after it.
#
#   walkthrough_print FOLDER     finds a penalty that court, procurement and website hold, and prints the lines; nothing when none is held
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
    local folder=$1 record
    record=$(walkthrough_record "$folder") || true
    [[ -n $record ]] || return 0
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
