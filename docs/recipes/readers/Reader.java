/* 读取输出主题并逐签章验证 / reads an output topic and checks every seal (docs/formats-seal.md). A JDK from 17 on, and the jars of
 * kafka-clients, nothing else.
 *
 *   java -cp 'libs/*' Reader.java --bootstrap kafka:9092 --topic xq.out.court --exchange liuzhou --keys keys --position court.position --once
 *
 * --log NAME: the topic is a copy of NAME, by MirrorMaker for example. --set NAME=VALUE: a setting of the Kafka client, such as of TLS.
 * What is proved goes to `use` below, a batch at a time: put what your system does there. What was verified, and up to where, goes to
 * standard error. Exit 1: something does not fit, and nothing behind the position may be used; 3: Kafka cannot be read. */
import java.io.FileOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.*;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Reader {
    static final int MOST_UNSEALED = 1_000_000; // records that wait for a seal

    /** What was read is not what was sealed. */
    static class Broken extends Exception {
        Broken(String why) { super(why); }
    }

    // ── digests and signatures: GB/T 32905 (SM3), GB/T 32918 (SM2); the JDK has SHA-256 and Ed25519 ──

    static byte[] sm3(byte[] data) {
        int[] v = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};
        ByteBuffer blocks = ByteBuffer.allocate((data.length + 72) / 64 * 64).put(data).put((byte) 0x80);
        blocks.putLong(blocks.capacity() - 8, 8L * data.length).rewind();
        int[] w = new int[68];
        while (blocks.hasRemaining()) {
            for (int j = 0; j < 68; j++) {
                if (j < 16) { w[j] = blocks.getInt(); continue; }
                int x = w[j - 16] ^ w[j - 9] ^ Integer.rotateLeft(w[j - 3], 15);
                w[j] = x ^ Integer.rotateLeft(x, 15) ^ Integer.rotateLeft(x, 23) ^ Integer.rotateLeft(w[j - 13], 7) ^ w[j - 6];
            }
            int a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
            for (int j = 0; j < 64; j++) {
                int ss1 = Integer.rotateLeft(Integer.rotateLeft(a, 12) + e + Integer.rotateLeft(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32), 7);
                int tt1 = (j < 16 ? a ^ b ^ c : a & b | a & c | b & c) + d + (ss1 ^ Integer.rotateLeft(a, 12)) + (w[j] ^ w[j + 4]);
                int tt2 = (j < 16 ? e ^ f ^ g : e & f | ~e & g) + h + ss1 + w[j];
                d = c; c = Integer.rotateLeft(b, 9); b = a; a = tt1;
                h = g; g = Integer.rotateLeft(f, 19); f = e; e = tt2 ^ Integer.rotateLeft(tt2, 9) ^ Integer.rotateLeft(tt2, 17);
            }
            int[] now = {a, b, c, d, e, f, g, h};
            for (int i = 0; i < 8; i++) v[i] ^= now[i];
        }
        ByteBuffer digest = ByteBuffer.allocate(32);
        for (int word : v) digest.putInt(word);
        return digest.array();
    }

    static byte[] hash(String suite, byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(part -> part.length).sum());
        for (byte[] part : parts) all.put(part);
        if (suite.equals("sm2-sm3")) return sm3(all.array());
        try {
            return MessageDigest.getInstance("SHA-256").digest(all.array());
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    record Point(BigInteger x, BigInteger y) {} // null is the point at infinity

    static class Sm2 {
        static final BigInteger P = number("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff");
        static final BigInteger A = P.subtract(BigInteger.valueOf(3));
        static final BigInteger B = number("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93");
        static final BigInteger N = number("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123");
        static final Point G = new Point(number("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
                                         number("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"));

        static BigInteger number(String hex) { return new BigInteger(hex, 16); }

        static byte[] bytes(BigInteger value) { return HexFormat.of().parseHex(String.format("%064x", value)); }

        static Point add(Point one, Point other) {
            if (one == null || other == null) return one == null ? other : one;
            boolean same = one.x.equals(other.x);
            if (same && one.y.add(other.y).mod(P).signum() == 0) return null;
            BigInteger slope = same ? one.x.pow(2).multiply(BigInteger.valueOf(3)).add(A).multiply(one.y.shiftLeft(1).modInverse(P))
                                    : other.y.subtract(one.y).multiply(other.x.subtract(one.x).mod(P).modInverse(P));
            BigInteger x = slope.pow(2).subtract(one.x).subtract(other.x).mod(P);
            return new Point(x, slope.multiply(one.x.subtract(x)).subtract(one.y).mod(P));
        }

        static Point times(BigInteger factor, Point point) {
            Point sum = null;
            for (int bit = factor.bitLength() - 1; bit >= 0; bit--) {
                sum = add(sum, sum);
                if (factor.testBit(bit)) sum = add(sum, point);
            }
            return sum;
        }

        /** `key`: DER SubjectPublicKeyInfo, its point uncompressed at the end. */
        static boolean verify(byte[] key, byte[] message, byte[] signature) {
            BigInteger[] rs = integers(signature);
            Point point = new Point(new BigInteger(1, key, key.length - 64, 32), new BigInteger(1, key, key.length - 32, 32));
            boolean onCurve = point.y.pow(2).subtract(point.x.pow(3)).subtract(A.multiply(point.x)).subtract(B).mod(P).signum() == 0;
            if (rs == null || !onCurve || key[key.length - 65] != 4) return false;
            BigInteger t = rs[0].add(rs[1]).mod(N);
            for (BigInteger each : List.of(rs[0], rs[1], t)) if (each.signum() <= 0 || each.compareTo(N) >= 0) return false;
            byte[] z = hash("sm2-sm3", new byte[] {0, (byte) 128}, "1234567812345678".getBytes(StandardCharsets.US_ASCII), bytes(A), bytes(B),
                            bytes(G.x), bytes(G.y), bytes(point.x), bytes(point.y));
            BigInteger e = new BigInteger(1, hash("sm2-sm3", z, message));
            Point sum = add(times(rs[1], G), times(t, point));
            return sum != null && e.add(sum.x).mod(N).equals(rs[0]);
        }

        /** The two integers of a DER SEQUENCE; null when it is not just that. */
        static BigInteger[] integers(byte[] der) {
            if (der.length < 8 || der[0] != 0x30 || der[1] != der.length - 2) return null;
            int first = der[3], second = 4 + first + 2;
            if (der[2] != 2 || first < 1 || second >= der.length || der[second - 2] != 2 || der[second - 1] != der.length - second) return null;
            return new BigInteger[] {new BigInteger(der, 4, first), new BigInteger(der, second, der.length - second)};
        }
    }

    /** Pinned public keys, key_id.pem in a folder: handed over by the exchange, never taken from the topic. */
    static class Keys {
        final Map<String, byte[]> keys = new HashMap<>();
        private String good = "";

        Keys(Path folder) throws IOException {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.pem")) {
                for (Path file : files) {
                    byte[] der = Base64.getMimeDecoder().decode(Files.readString(file).split("-----")[2].strip());
                    String id = HexFormat.of().formatHex(hash(suite(der), der), 0, 8);
                    if (!file.getFileName().toString().equals(id + ".pem")) throw new IOException(file + ": the key is " + id);
                    keys.put(id, der);
                }
            }
        }

        static String suite(byte[] der) { return der.length == 44 ? "ed25519-sha256" : "sm2-sm3"; }

        void check(Seal seal) throws Broken {
            byte[] der = keys.get(seal.keyId), message = seal.signed();
            if (der == null || !suite(der).equals(seal.suite)) throw new Broken("key " + seal.keyId + " of " + seal.suite + " is not pinned");
            String all = seal.keyId + HexFormat.of().formatHex(message) + HexFormat.of().formatHex(seal.signature);
            if (all.equals(good)) return; // one signature covers many logs
            if (!verify(der, message, seal.signature)) throw new Broken("the signature is wrong");
            good = all;
        }

        static boolean verify(byte[] der, byte[] message, byte[] signature) {
            if (suite(der).equals("sm2-sm3")) return Sm2.verify(der, message, signature);
            try {
                Signature ed25519 = Signature.getInstance("Ed25519");
                ed25519.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der)));
                ed25519.update(message);
                return ed25519.verify(signature);
            } catch (GeneralSecurityException malformed) {
                return false;
            }
        }
    }

    // ── what a seal is made of ──

    static class Seal {
        static final byte[] MARK = HexFormat.of().parseHex("c30180e414fbf9067a4a");
        final String exchange, log, suite, keyId;
        final long size, batchIndex, batchSize, sealedAtMs;
        final byte[] root, signature;
        final List<byte[]> frontier, batchPath;
        private final ByteBuffer avro;

        Seal(byte[] data) throws Broken {
            if (data.length < 10 || !Arrays.equals(data, 0, 10, MARK, 0, 10)) throw new Broken("the seal is of an unknown form");
            avro = ByteBuffer.wrap(data, 10, data.length - 10);
            exchange = text(); log = text(); size = number(); root = bytes(); frontier = list();
            batchIndex = number(); batchSize = number(); batchPath = list();
            sealedAtMs = number(); suite = text(); keyId = text(); signature = bytes();
            boolean known = suite.equals("sm2-sm3") || suite.equals("ed25519-sha256");
            if (avro.hasRemaining() || !known || size <= 0) throw new Broken("the seal is malformed");
        }

        private long number() throws Broken {
            long value = 0;
            for (int shift = 0; shift < 64 && avro.hasRemaining(); shift += 7) {
                byte next = avro.get();
                value |= (next & 0x7fL) << shift;
                if (next >= 0) return value >>> 1 ^ -(value & 1);
            }
            throw new Broken("the seal is malformed");
        }

        private byte[] bytes() throws Broken {
            long length = number();
            if (length < 0 || length > avro.remaining()) throw new Broken("the seal is malformed");
            byte[] value = new byte[(int) length];
            avro.get(value);
            return value;
        }

        private String text() throws Broken { return new String(bytes(), StandardCharsets.UTF_8); }

        private List<byte[]> list() throws Broken {
            List<byte[]> values = new ArrayList<>();
            for (long count = number(); count != 0; count = number()) {
                if (count < 0) { count = -count; number(); } // a block that says its size
                if (count < 0 || count > 64 - values.size()) throw new Broken("the seal is malformed");
                for (; count > 0; count--) values.add(bytes());
            }
            return values;
        }

        byte[] node(byte[] left, byte[] right) { return hash(suite, new byte[] {1}, left, right); }

        byte[] leaf(byte[] key, byte[] value) { return hash(suite, new byte[1], u32(key.length), key, value); }

        byte[] fold(List<byte[]> peaks) {
            byte[] whole = peaks.get(peaks.size() - 1);
            for (int i = peaks.size() - 2; i >= 0; i--) whole = node(peaks.get(i), whole);
            return whole;
        }

        /** RFC 9162 section 2.1.3.2. */
        byte[] batchRoot() throws Broken {
            byte[] name = log.getBytes(StandardCharsets.UTF_8);
            byte[] value = hash(suite, new byte[1], u32(name.length), name, ByteBuffer.allocate(8).putLong(size).array(), root);
            long at = batchIndex, last = batchSize - 1;
            if (at < 0 || at > last) throw new Broken("the seal has no place in its batch");
            for (byte[] sibling : batchPath) {
                if (last == 0) throw new Broken("the path of the seal is too long");
                if ((at & 1) == 1 || at == last) {
                    value = node(sibling, value);
                    while ((at & 1) == 0 && at != 0) { at >>= 1; last >>= 1; }
                } else {
                    value = node(value, sibling);
                }
                at >>= 1;
                last >>= 1;
            }
            if (last != 0) throw new Broken("the path of the seal is too short");
            return value;
        }

        byte[] signed() throws Broken {
            String root = HexFormat.of().formatHex(batchRoot());
            return ("xinqiao seal v1\n" + exchange + "\n" + sealedAtMs + "\n" + root + "\n").getBytes(StandardCharsets.UTF_8);
        }

        static byte[] u32(int value) { return ByteBuffer.allocate(4).putInt(value).array(); }
    }

    // ── the log ──

    static class SealedLog {
        final String name, exchange;
        final Keys keys;
        long nextOffset, size, first, seals;
        String root = "-";
        List<byte[]> frontier = new ArrayList<>();
        private List<ConsumerRecord<byte[], byte[]>> waiting = new ArrayList<>();

        SealedLog(String name, String exchange, Keys keys) {
            this.name = name; this.exchange = exchange; this.keys = keys;
        }

        /** The records that are proved by now: none until a seal comes, then all that it covers. */
        List<ConsumerRecord<byte[], byte[]>> take(ConsumerRecord<byte[], byte[]> record) throws Broken {
            long due = size + waiting.size();
            Header leaf = record.headers().lastHeader("xq-leaf"), seal = record.headers().lastHeader("xq-seal");
            boolean isWhole = record.key() != null && record.value() != null && leaf != null && leaf.value() != null && leaf.value().length == 8;
            if (!isWhole || ByteBuffer.wrap(leaf.value()).getLong() != due)
                throw new Broken("offset " + record.offset() + ": leaf " +
                                 (isWhole ? ByteBuffer.wrap(leaf.value()).getLong() : "-") + " where " + due + " is due");
            if (waiting.size() == MOST_UNSEALED) throw new Broken("offset " + record.offset() + ": " + MOST_UNSEALED + " records without a seal");
            waiting.add(record);
            if (seal == null) return List.of();
            try {
                close(new Seal(seal.value() == null ? new byte[0] : seal.value()));
            } catch (Broken why) {
                throw new Broken(place() + ": " + why.getMessage());
            }
            List<ConsumerRecord<byte[], byte[]>> proved = waiting;
            waiting = new ArrayList<>();
            nextOffset = record.offset() + 1;
            seals++;
            return proved;
        }

        private void close(Seal seal) throws Broken {
            if (!seal.exchange.equals(exchange) || !seal.log.equals(name)) throw new Broken("the seal is of another log");
            if (seal.frontier.size() != Long.bitCount(seal.size) || !Arrays.equals(seal.fold(seal.frontier), seal.root))
                throw new Broken("the seal contradicts itself");
            keys.check(seal);
            List<byte[]> peaks = new ArrayList<>(frontier);
            long count = size;
            for (ConsumerRecord<byte[], byte[]> record : waiting) {
                byte[] carry = seal.leaf(record.key(), record.value());
                for (long rest = count; (rest & 1) == 1; rest >>= 1) carry = seal.node(peaks.remove(peaks.size() - 1), carry);
                peaks.add(carry);
                count++;
            }
            boolean same = count == seal.size && peaks.size() == seal.frontier.size();
            for (int i = 0; same && i < peaks.size(); i++) same = Arrays.equals(peaks.get(i), seal.frontier.get(i));
            if (!same) throw new Broken("a record was changed, dropped, added or moved");
            size = count;
            frontier = peaks;
            root = HexFormat.of().formatHex(seal.root);
        }

        /** At the end of what is committed: every transaction ends with a seal. */
        void end() throws Broken {
            if (!waiting.isEmpty()) throw new Broken(place() + ": no seal behind the last records");
        }

        private String place() {
            long from = waiting.get(0).offset(), to = waiting.get(waiting.size() - 1).offset();
            return from == to ? "offset " + from : "offsets " + from + " to " + to;
        }

        @Override
        public String toString() {
            return name + " 已验证 / verified: " + (size - first) + " records under " + seals + " seals; the log has " + size + ", root " + root +
                   ", next offset " + nextOffset;
        }
    }

    // ── positions: a line a log: name, next offset, size, root, peaks ──

    static class Positions {
        final Path file;
        final SortedMap<String, String> lines = new TreeMap<>();

        Positions(Path file) throws IOException {
            this.file = file;
            if (Files.exists(file)) for (String line : Files.readAllLines(file)) lines.put(line.split(" ")[0], line);
        }

        void restore(SealedLog log) {
            if (!lines.containsKey(log.name)) return;
            String[] words = lines.get(log.name).split(" ");
            log.nextOffset = Long.parseLong(words[1]);
            log.size = log.first = Long.parseLong(words[2]);
            log.root = words[3];
            for (int i = 4; i < words.length; i++) log.frontier.add(HexFormat.of().parseHex(words[i]));
        }

        /** Whole or not at all: records that are taken twice after a crash are known by their key and version. */
        void store(SealedLog log) throws IOException {
            StringBuilder line = new StringBuilder(log.name + " " + log.nextOffset + " " + log.size + " " + log.root);
            for (byte[] peak : log.frontier) line.append(' ').append(HexFormat.of().formatHex(peak));
            lines.put(log.name, line.toString());
            Path part = file.resolveSibling(file.getFileName() + ".part");
            try (FileOutputStream out = new FileOutputStream(part.toFile())) {
                out.write((String.join("\n", lines.values()) + "\n").getBytes(StandardCharsets.UTF_8));
                out.getFD().sync();
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    // ── Kafka ──

    /** The newest version of a record key counts; WITHDRAW takes it away; STATUS only marks it. After a crash some come twice. A value is
     * Avro in single-object encoding: avro's BinaryMessageDecoder reads it with the schemas of `xinqiao catalogue views`. */
    static void use(SealedLog log, List<ConsumerRecord<byte[], byte[]>> records) {
        for (ConsumerRecord<byte[], byte[]> record : records)
            System.out.println(log.name + " " + record.offset() + " " + HexFormat.of().formatHex(record.key()) + " " +
                               Base64.getEncoder().encodeToString(record.value()));
    }

    static void read(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, SealedLog> logs, Positions positions, boolean once)
            throws Broken, IOException {
        Map<TopicPartition, Long> ends = consumer.endOffsets(logs.keySet());
        while (!once || logs.keySet().stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                SealedLog log = logs.get(new TopicPartition(record.topic(), record.partition()));
                List<ConsumerRecord<byte[], byte[]>> proved = log.take(record);
                if (proved.isEmpty()) continue;
                use(log, proved);
                positions.store(log);
            }
        }
        for (SealedLog log : logs.values()) log.end();
    }

    static Properties settings(Map<String, String> options, List<String> sets) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", options.get("--bootstrap"));
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false"); // no group: partitions are assigned and the position is our own
        settings.put("auto.offset.reset", "none"); // a position that is gone must be told
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        for (String set : sets) settings.put(set.split("=", 2)[0], set.split("=", 2)[1]);
        return settings;
    }

    public static void main(String[] arguments) throws IOException {
        Map<String, String> options = new HashMap<>();
        List<String> sets = new ArrayList<>();
        boolean once = false;
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("--once")) once = true;
            else if (arguments[i].equals("--set") && i + 1 < arguments.length) sets.add(arguments[++i]);
            else if (arguments[i].startsWith("--") && i + 1 < arguments.length) options.put(arguments[i], arguments[++i]);
        }
        if (!options.keySet().containsAll(List.of("--bootstrap", "--topic", "--exchange", "--keys", "--position"))) {
            System.err.println("--bootstrap --topic --exchange --keys --position [--log] [--set NAME=VALUE] [--once]");
            System.exit(2);
        }
        System.exit(run(options, sets, once));
    }

    static int run(Map<String, String> options, List<String> sets, boolean once) throws IOException {
        String topic = options.get("--topic"), name = options.getOrDefault("--log", topic);
        Keys keys = new Keys(Path.of(options.get("--keys")));
        Positions positions = new Positions(Path.of(options.get("--position")));
        Map<TopicPartition, SealedLog> logs = new LinkedHashMap<>();
        int status = 0;
        String reason = null;
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings(options, sets))) {
            int partitions = consumer.partitionsFor(topic).size();
            if (partitions == 0) throw new KafkaException("no such topic");
            for (int number = 0; number < partitions; number++) {
                SealedLog log = new SealedLog(name + "/" + number, options.get("--exchange"), keys);
                positions.restore(log);
                logs.put(new TopicPartition(topic, number), log);
            }
            consumer.assign(logs.keySet());
            logs.forEach((partition, log) -> {
                if (log.size > 0) consumer.seek(partition, log.nextOffset);
                else consumer.seekToBeginning(List.of(partition));
            });
            read(consumer, logs, positions, once);
        } catch (Broken why) {
            status = 1;
            reason = why.getMessage();
        } catch (KafkaException why) {
            status = 3;
            reason = why.getMessage();
        }
        for (SealedLog log : logs.values()) System.err.println("✓ " + log);
        if (status != 0) System.err.println("✗ " + topic + ": " + reason);
        return status;
    }
}
