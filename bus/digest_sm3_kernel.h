/* The SM3 compression function (GB/T 32905-2016, 5.3), written once for any number of messages side by side.
 *
 * digest_sm3.c includes it once for each width, with
 *   SM3_NAME    name of the function
 *   SM3_LANES   messages side by side: 1, 4, 8 or 16
 *   SM3_TARGET  attribute that allows the instructions, or nothing
 * A macro instead of a function taking vectors: vectors wider than the base machine's cannot be passed between functions. */

#if SM3_LANES == 1
#define SM3_WORD uint32_t
#define SM3_LANE(word, lane) (word)
#else
#define SM3_WORD uint32_t __attribute__((vector_size(4 * SM3_LANES)))
#define SM3_LANE(word, lane) (word)[lane]
#endif

#define SM3_ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define SM3_XOR(x, y, z) ((x) ^ (y) ^ (z))
#define SM3_MAJORITY(x, y, z) (((x) & (y)) | (((x) | (y)) & (z)))
#define SM3_CHOOSE(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))

/* The message word four places on, over the one that is no longer needed. */
#define SM3_EXPAND(i)                                                                                                  \
    do {                                                                                                               \
        const word x = w[((i) + 4) & 15] ^ w[((i) + 11) & 15] ^ SM3_ROTATE(w[((i) + 1) & 15], 15);                     \
        w[((i) + 4) & 15] =                                                                                            \
            SM3_XOR(x, SM3_ROTATE(x, 15), SM3_ROTATE(x, 23)) ^ SM3_ROTATE(w[((i) + 7) & 15], 7) ^ w[((i) + 14) & 15];  \
    } while (0)

/* Round j + i with i below 16; the caller renames the words instead of moving them. */
#define SM3_ROUND(FF, GG, a, b, c, d, e, f, g, h, j, i)                                                                \
    do {                                                                                                               \
        const word a12 = SM3_ROTATE(a, 12);                                                                            \
        const word mixed = a12 + e + round_constants[(j) + (i)];                                                       \
        const word ss1 = SM3_ROTATE(mixed, 7);                                                                         \
        const word tt2 = GG(e, f, g) + h + ss1 + w[i];                                                                 \
        if ((j) + (i) >= 12)                                                                                           \
            SM3_EXPAND(i);                                                                                             \
        d += FF(a, b, c) + (ss1 ^ a12) + (w[i] ^ w[((i) + 4) & 15]);                                                   \
        h = SM3_XOR(tt2, SM3_ROTATE(tt2, 9), SM3_ROTATE(tt2, 17));                                                     \
        b = SM3_ROTATE(b, 9);                                                                                          \
        f = SM3_ROTATE(f, 19);                                                                                         \
    } while (0)

#define SM3_FOUR_ROUNDS(FF, GG, j, i)                                                                                  \
    do {                                                                                                               \
        SM3_ROUND(FF, GG, a, b, c, d, e, f, g, h, j, (i) + 0);                                                         \
        SM3_ROUND(FF, GG, d, a, b, c, h, e, f, g, j, (i) + 1);                                                         \
        SM3_ROUND(FF, GG, c, d, a, b, g, h, e, f, j, (i) + 2);                                                         \
        SM3_ROUND(FF, GG, b, c, d, a, f, g, h, e, j, (i) + 3);                                                         \
    } while (0)

#define SM3_SIXTEEN_ROUNDS(FF, GG, j)                                                                                  \
    do {                                                                                                               \
        SM3_FOUR_ROUNDS(FF, GG, j, 0);                                                                                 \
        SM3_FOUR_ROUNDS(FF, GG, j, 4);                                                                                 \
        SM3_FOUR_ROUNDS(FF, GG, j, 8);                                                                                 \
        SM3_FOUR_ROUNDS(FF, GG, j, 12);                                                                                \
    } while (0)

/* Takes one block of 64 bytes into the state of each lane: blocks[lane] into state[0..7][lane]. */
SM3_TARGET static void SM3_NAME(uint32_t *state, const uint8_t *const *blocks)
{
    typedef SM3_WORD word;
    word w[16], a, b, c, d, e, f, g, h;

    for (size_t j = 0; j < 16; j++)
        for (size_t lane = 0; lane < SM3_LANES; lane++)
            SM3_LANE(w[j], lane) = load_word(blocks[lane] + 4 * j);

    word *const words = (word *)__builtin_assume_aligned(state, sizeof(word));
    a = words[0], b = words[1], c = words[2], d = words[3];
    e = words[4], f = words[5], g = words[6], h = words[7];
    SM3_SIXTEEN_ROUNDS(SM3_XOR, SM3_XOR, 0);
    for (size_t j = 16; j < 64; j += 16)
        SM3_SIXTEEN_ROUNDS(SM3_MAJORITY, SM3_CHOOSE, j);
    words[0] ^= a, words[1] ^= b, words[2] ^= c, words[3] ^= d;
    words[4] ^= e, words[5] ^= f, words[6] ^= g, words[7] ^= h;
}

#undef SM3_NAME
#undef SM3_LANES
#undef SM3_TARGET
#undef SM3_WORD
#undef SM3_LANE
#undef SM3_ROTATE
#undef SM3_XOR
#undef SM3_MAJORITY
#undef SM3_CHOOSE
#undef SM3_ROUND
#undef SM3_FOUR_ROUNDS
#undef SM3_EXPAND
#undef SM3_SIXTEEN_ROUNDS
