"""What the platform demands of a row: required fields, lengths and codes of licences and penalties (双公示), and of the others their own."""
import hashlib
import re
import struct

ORGANISATION, PERSON, TRADER = '法人及非法人组织', '自然人', '个体工商户'
LICENCE_KINDS = {'普通', '特许', '认可', '核准', '登记', '其他'}
PENALTY_KINDS = {'警告', '罚款', '没收违法所得、没收非法财物', '责令停产停业', '暂扣或者吊销许可证、执照', '行政拘留', '其他', '通报批评', '降低资质等级',
                 '限制开展生产经营活动', '责令关闭', '限制从业'}
TEXT = 20000  # of a field without a length of its own


def _party(prefix):
    return {f'{prefix}_XDR_MC': (200, True), f'{prefix}_XDR_LB': (16, True), f'{prefix}_XDR_SHXYM': (18, False), f'{prefix}_XDR_GSZC': (50, False),
            f'{prefix}_XDR_ZZJG': (32, False), f'{prefix}_XDR_SWDJ': (32, False), f'{prefix}_XDR_SYDW': (120, False),
            f'{prefix}_XDR_SHZZ': (50, False), f'{prefix}_FRDB': (50, False), f'{prefix}_FR_ZJLX': (64, False), f'{prefix}_FR_ZJHM': (32, False),
            f'{prefix}_XDR_ZJLX': (64, False), f'{prefix}_XDR_ZJHM': (64, False)}


# code: (characters at most, whether it is required)
FIELDS = {
    'XK': {**_party('XK'), 'XK_XKWS': (200, True), 'XK_WSH': (128, True), 'XK_XKLB': (TEXT, True), 'XK_XKZS': (200, False),
           'XK_XKBH': (128, False), 'XK_NR': (TEXT, True), 'XK_JDRQ': (10, True), 'XK_YXQZ': (10, True), 'XK_YXQZI': (10, True),
           'XK_XKJG': (200, True), 'XK_XKJGDM': (18, False), 'XK_ZT': (1, True), 'XK_LYDW': (200, True), 'XK_LYDWDM': (18, False),
           'BZ': (TEXT, False)},
    'CF': {**_party('CF'), 'CF_WSH': (128, True), 'CF_WFXW': (TEXT, True), 'CF_SY': (TEXT, True), 'CF_YJ': (TEXT, True),
           'CF_CFLB': (TEXT, True), 'CF_NR': (TEXT, True), 'CF_NR_FK': (20, False), 'CF_NR_WFFF': (20, False), 'CF_NR_ZKDX': (200, False),
           'CF_JDRQ': (10, True), 'CF_YXQ': (10, True), 'CF_GSJZQ': (10, True), 'CF_CFJG': (200, True), 'CF_CFJGDM': (18, False),
           'CF_SJLY': (200, True), 'CF_SJLYDM': (18, False), 'BZ': (TEXT, False)},
    'DEBTOR': {'iname': (200, True), 'caseCode': (128, True)},
    'LIST': {},
    'GRADE': {},
}
CODES = {'XK_XDR_LB': {ORGANISATION, PERSON, TRADER}, 'CF_XDR_LB': {ORGANISATION, PERSON, TRADER}, 'XK_ZT': {'1', '2'}}
SEVERAL = {'XK_XKLB': LICENCE_KINDS, 'CF_CFLB': PENALTY_KINDS}
DATES = {'XK_JDRQ', 'XK_YXQZ', 'XK_YXQZI', 'CF_JDRQ', 'CF_YXQ', 'CF_GSJZQ'}
AMOUNTS = {'CF_NR_FK', 'CF_NR_WFFF'}
NATURAL = {'XK': ('XK_WSH', 'XK_XDR_MC'), 'CF': ('CF_WSH', 'CF_XDR_MC'), 'DEBTOR': ('caseCode', 'iname')}

_DAY = re.compile(r'\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])')
_AMOUNT = re.compile(r'\d{1,12}\.\d{6}')
_ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY'
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


class Bad(Exception):
    """A row that is not taken: code and words in Chinese."""

    def __init__(self, code, message):
        super().__init__(code)
        self.code, self.message = code, message


def digest(row_type, fields):
    """The digest of a row, as docs/openapi/province.yaml lays it down."""
    text = row_type + '\0' + ''.join(f'{code}\0{fields[code]}\0' for code in sorted(fields, key=lambda code: code.encode()))
    return hashlib.new('sm3', text.encode()).hexdigest()


def sum_up(rows):
    """Count and digest of (rowKey, row digest) in any order."""
    count, total = 0, bytes(32)
    for key, row_digest in rows:
        one = hashlib.new('sm3', f'{key} {row_digest}\n'.encode()).digest()
        total = struct.pack('>4Q', *(a ^ b for a, b in zip(struct.unpack('>4Q', total), struct.unpack('>4Q', one))))
        count += 1
    return count, total.hex()


def natural_key(row_type, fields):
    """(type, document number, party name), which no two rows that are held may share; None when there is none."""
    if row_type not in NATURAL:
        return None
    document, party = NATURAL[row_type]
    return row_type, fields[document], fields[party]


def is_code(text):
    """Whether the check digit of a unified social credit code is right (GB 32100)."""
    try:
        total = sum(weight * _ALPHABET.index(sign) for weight, sign in zip(_WEIGHTS, text))
        return len(text) == 18 and _ALPHABET[(31 - total % 31) % 31] == text[17]
    except ValueError:
        return False


def check(row_type, fields):
    """Raises Bad at the first field that is not as it must be."""
    if not fields or any(not isinstance(value, str) for value in fields.values()):
        raise Bad('FIELDS', '字段缺失或不是文本')
    rules = FIELDS[row_type]
    for code, (length, required) in rules.items():
        value = fields.get(code, '')
        if required and value == '':
            raise Bad(code, f'{code} 必填项为空')
        if len(value) > length:
            raise Bad(code, f'{code} 超过 {length} 个字符')
    for code, value in fields.items():
        _check_value(row_type, rules, code, value)
    _check_together(row_type, fields)


def _check_value(row_type, rules, code, value):
    if row_type in ('XK', 'CF') and code not in rules:
        raise Bad(code, f'{code} 不是本表的字段')
    if value == '' or len(value) > TEXT:
        raise Bad(code, f'{code} 为空或过长')
    if code in CODES and value not in CODES[code]:
        raise Bad(code, f'{code} 不在代码表内')
    if code in SEVERAL and not set(value.split(';')) <= SEVERAL[code]:
        raise Bad(code, f'{code} 不在代码表内')
    if code in DATES and not _DAY.fullmatch(value):
        raise Bad(code, f'{code} 日期格式应为 YYYY-MM-DD')
    if code in AMOUNTS and not _AMOUNT.fullmatch(value):
        raise Bad(code, f'{code} 应为以万元计、六位小数的金额')
    if code.endswith('_XDR_SHXYM') and not is_code(value):
        raise Bad(code, f'{code} 统一社会信用代码校验位有误')


def _check_together(row_type, fields):
    if row_type in ('XK', 'CF') and fields[f'{row_type}_XDR_LB'] == ORGANISATION and f'{row_type}_XDR_SHXYM' not in fields:
        raise Bad(f'{row_type}_XDR_SHXYM', '法人及非法人组织须有统一社会信用代码')
    if row_type == 'CF':
        kinds = fields['CF_CFLB'].split(';')
        for kind, code in (('罚款', 'CF_NR_FK'), ('没收违法所得、没收非法财物', 'CF_NR_WFFF')):
            if kind in kinds and code not in fields:
                raise Bad(code, f'处罚类别含“{kind}”时 {code} 必填')
