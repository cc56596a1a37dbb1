/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLEAVE_EDGE_H
#define CLEAVE_EDGE_H

/** @file edge.h: the device's agent, for programs that embed it. `cleave-edge` is a thin shell
 *  around this header.
 *
 *  Give it frames; every frame gets exactly one answer, by its deadline where the device is fast
 *  enough to give one at all, labelled with where it came from, whatever the link does.
 *
 *  A frame is split at the cut while the link is up. Where it can't be sent, is refused, or its
 *  link drops, the student answers it, or the whole model on the device where the bundle has no
 *  student for such a frame. A frame with a deadline that has no answer at the last moment at which
 *  the student can still be in time goes to the student as well; the server's reply is taken if it
 *  overtakes the student.
 *
 *  Threads: every function but create and free may be called from any thread, at any time in
 *  between. A program with one thread takes and releases answers often enough that no more than
 *  in_flight frames are submitted and not released. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>
#include <cleave/tensor.h>

CLV_BEGIN_API

typedef struct clv_edge clv_edge;

/** Who gave an answer: X(NAME, "label"). */
#define CLV_SOURCE_LIST(X)                                                                         \
    X(SPLIT, "split")     /* the device's prefix and the server's suffix */                        \
    X(SERVER, "server")   /* all of it on the server (cut 0) */                                    \
    X(LOCAL, "local")     /* the whole model on the device */                                      \
    X(STUDENT, "student") /* the small model on the device */                                      \
    X(NONE, "none")       /* nobody: `error` says why */

typedef enum clv_source {
#define CLV_SOURCE_ENUM(name, text) CLV_SOURCE_##name,
    CLV_SOURCE_LIST(CLV_SOURCE_ENUM)
#undef CLV_SOURCE_ENUM
        CLV_SOURCE_COUNT
} clv_source;

const char *clv_source_name(clv_source source);

/** Cut that means "after the last node": everything on the device. */
#define CLV_CUT_ALL UINT32_MAX

/** Cut that means "the best for each frame": docs/edge.md. */
#define CLV_CUT_AUTO (UINT32_MAX - 1)

typedef struct clv_edge_options {
    const char *bundle;          /**< path of the .clv file */
    const char *server;          /**< "host:port"; NULL: no server, everything is local */
    const char *server_name;     /**< name in the server's certificate; NULL: the host */
    const char *ca, *cert, *key; /**< PEM files; needed with a server */
    const char *backend;         /**< "auto", "onednn", "ref"; NULL is auto */
    const char *codec;           /**< "float", "zstd", "lz4" (lossless), "uint8"; "rans": by an
                                      operating point of the bundle; "jpeg", "jpeg:QUALITY",
                                      "jpeg-fit:QUALITY": images at cut 0 as JPEGs, in their own
                                      size or in the network's; NULL is float */
    uint32_t cut;                /**< nodes [0, cut) run here; CLV_CUT_ALL: all of them. Without a
                                      server all of them run here, whatever the cut.
                                      CLV_CUT_AUTO: chosen for each frame, with its codec, from the
                                      profiles of device and server and from how frames fare. The
                                      codecs that lose nothing may be chosen, and those of `codec`:
                                      "rans", "jpeg", or both with a comma between them */
    unsigned threads;            /**< for kernels; 0 is 1 */
    unsigned in_flight;          /**< most frames submitted and not released, up to 64; 0 is 4 */
    uint64_t deadline_us;        /**< for an answer, from submission; 0: none, a frame that was
                                      sent waits for its reply while the link is up */
    const char *precision;       /**< of what runs here: "float", "int8"; NULL: int8 if the bundle
                                      has it; "auto", with CLV_CUT_AUTO: chosen for each frame, and
                                      both are in memory */
    const char *suffix;          /**< of what the server runs: "float", "int8"; NULL: float if the
                                      bundle has it; "auto", with CLV_CUT_AUTO: chosen likewise */
    uint32_t max_cut;            /**< nodes from it on never run here, and their weights are never
                                      read: for devices of little memory. Needs a server, and a cut
                                      of at most this; frames that it doesn't answer are the
                                      student's, or nobody's. CLV_CUT_ALL: no such bound */
    double min_agreement;        /**< codec rans takes the operating point of fewest bytes whose
                                      best classes were the float network's for so large a part of
                                      the calibration images; 0 is 0.99 */
    double min_snr_db;           /**< and whose outputs had this signal-to-noise ratio; 0: any, but
                                      20 where the outputs are no classes */
    const char *state;     /**< folder where the device's profile is kept between starts; NULL:
                                it is measured each time */
    unsigned profile_ms;   /**< time to measure the nodes of the model in, and as much for its
                                codecs; 0: it isn't measured. docs/profile.md */
    uint32_t min_depth;    /**< privacy: nothing is shipped from a cut before this one */
    const char *objective; /**< CLV_CUT_AUTO: what is best: "latency", "throughput", "energy",
                                "bytes"; NULL is latency */
    bool key_frames_only;  /**< codec rans: every frame is coded alone, none as the difference
                                to one that the server has answered */
    /** What the device draws, declared: all that the objective "energy" goes by, which needs
     *  busy_watts. What is 0 isn't counted. */
    double busy_watts;      /**< while it computes; at least idle_watts */
    double idle_watts;      /**< while it waits for the answer */
    double joules_per_byte; /**< sent or received */
    double joules_per_mac;  /**< besides busy_watts */
} clv_edge_options;

#define CLV_EDGE_OPTIONS_INIT                                                                      \
    {                                                                                              \
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, 4, 0, NULL, NULL, CLV_CUT_ALL, 0, 0, \
            NULL, 300, 0, NULL, false, 0, 0, 0, 0                                                  \
    }

/** Where the time of a frame went. A stage that it didn't pass is 0. */
typedef struct clv_edge_times {
    uint64_t preprocess_us; /**< resize and normalise */
    uint64_t device_us;     /**< nodes on the device, or the student */
    uint64_t encode_us;
    uint64_t network_us; /**< there and back: sending to answer, less the server's own time */
    uint64_t queue_us;   /**< waiting on the server */
    uint64_t server_us;  /**< decode and nodes on the server */
    uint64_t total_us;   /**< submission to answer */
} clv_edge_times;

/** One answer. Tensors and strings are borrowed until clv_edge_release(). */
typedef struct clv_edge_answer {
    uint64_t frame; /**< as clv_edge_submit() numbered it */
    void *user;     /**< as given to clv_edge_submit() */
    clv_source source;
    bool late;         /**< after the deadline */
    uint32_t cut;      /**< where this frame was split */
    size_t sent_bytes; /**< of the request's message, all of it; 0: nothing was sent */
    /** In the order of the model's (or the student's) outputs. A shape that depends on data (the
     *  boxes that were found) differs from frame to frame and may have a dimension of 0. */
    const clv_tensor *outputs;
    const char *const *output_names;
    uint32_t n_outputs;        /**< 0 with CLV_SOURCE_NONE */
    const char *const *labels; /**< of classes, or NULL */
    uint32_t n_labels;
    clv_edge_times times;
    clv_status error;       /**< CLV_OK unless source is NONE */
    const char *error_text; /**< why there is no answer, or why it isn't the wanted source; NULL */
} clv_edge_answer;

/** What the link does, for programs that show it. */
typedef struct clv_edge_link_state {
    bool up;              /**< frames can be split: connected, and the server has the bundle */
    char server_name[64]; /**< of the server that it was connected to last */
    char last_error[512]; /**< why it is, or was, down; empty when it never was */
} clv_edge_link_state;

/** How fast device and server are now. */
typedef struct clv_edge_stats {
    bool has_profile;            /**< the device has measured its model */
    bool has_server_profile;     /**< the server has told what nodes take there */
    uint64_t frames_measured;    /**< whose time was compared with the profile's */
    uint32_t last_pace_permille; /**< the last one's time over the profile's: 2000 is half as fast;
                                      0: there was none */
    uint32_t pace_permille;      /**< the same of late, smoothed */
    bool has_plan;               /**< cuts can be chosen: both profiles are there */
    uint64_t plan_changes;       /**< frames that were split otherwise than the one before */
    uint64_t plan_trials;        /**< frames that were split so as to learn something */
    double bytes_per_s, rtt_us;  /**< what the link is believed to be; 0: not known */
    uint32_t server_load_permille; /**< requests at the server over its workers, as its last reply
                                        or echo said; 0: there was none on this connection */
} clv_edge_stats;

/** Load the bundle and check all of it, compile it, start dialling. Doesn't wait for the link.
 *  Strings of @p options are copied where they are needed later.
 *  @return CLV_OK; CLV_EINVAL (options), CLV_ENOENT, CLV_EFORMAT, CLV_EAUTH (keys),
 *          CLV_EUNSUPPORTED, CLV_ENOMEM, ... with @p err. */
CLV_NODISCARD clv_status clv_edge_create(clv_edge **out, const clv_edge_options *options,
                                         clv_error *err);
void clv_edge_free(clv_edge *edge); /* drops frames that aren't answered; NULL is a no-op */

/** Submit 8-bit RGB pixels, rows from the top, width * height * 3 bytes; copied. Blocks while
 *  in_flight frames are submitted and not released. The deadline counts from the return.
 *  @param[out] frame_out  The frame's number, 1, 2, ...; may be NULL.
 *  @return CLV_OK; CLV_EUNSUPPORTED when the model takes no images; CLV_ECLOSED after
 *          clv_edge_close(); CLV_EINVAL, CLV_ELIMIT (sizes); CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_edge_submit(uint64_t *frame_out, clv_edge *edge, const uint8_t *rgb,
                                         uint32_t width, uint32_t height, void *user);

/** Pixels, and perhaps the same picture as the camera encoded it. */
typedef struct clv_edge_picture {
    const uint8_t *rgb; /**< as for clv_edge_submit() */
    uint32_t width, height;
    const uint8_t *file; /**< a JPEG or PNG, at most 64 MiB, or NULL. Codec "jpeg" sends it as it
                              is at cut 0; no other use is made of it */
    size_t file_bytes;
} clv_edge_picture;

/** clv_edge_submit() with what the camera made; copied. @return As there; CLV_ELIMIT (the file). */
CLV_NODISCARD clv_status clv_edge_submit_picture(uint64_t *frame_out, clv_edge *edge,
                                                 const clv_edge_picture *picture, void *user);

/** Submit the model's input tensors as they are; copied. The student can't answer these unless its
 *  inputs are the same.
 *  @return As clv_edge_submit(); CLV_EINVAL, CLV_ESHAPE when they aren't the model's inputs. */
CLV_NODISCARD clv_status clv_edge_submit_tensors(uint64_t *frame_out, clv_edge *edge,
                                                 const clv_tensor *inputs, uint32_t n_inputs,
                                                 void *user);

/** Wait for the next answer (in the order in which they come), at most @p timeout_us
 *  (UINT64_MAX: for ever).
 *  @return CLV_OK; CLV_ETIMEDOUT; CLV_ECLOSED after clv_edge_close() when all are answered. */
CLV_NODISCARD clv_status clv_edge_next(clv_edge_answer *out, clv_edge *edge, uint64_t timeout_us);

/** Give the memory of an answer back; its slot takes the next frame. */
void clv_edge_release(clv_edge *edge, const clv_edge_answer *answer);

/** No more frames come; clv_edge_next() still gives the answers of those that did. */
void clv_edge_close(clv_edge *edge);

/** Wait until the link is up, at most @p timeout_us.
 *  @return CLV_OK; CLV_ETIMEDOUT; CLV_EINVAL without a server. */
CLV_NODISCARD clv_status clv_edge_wait_link(clv_edge *edge, uint64_t timeout_us);
void clv_edge_link_state_of(clv_edge *edge, clv_edge_link_state *out);

/** The numbers as they are now. */
void clv_edge_stats_of(clv_edge *edge, clv_edge_stats *out);

/** Use another cut from the next frame on: an index change, nothing is compiled.
 *  CLV_CUT_AUTO: chosen for each frame.
 *  @return CLV_OK; CLV_EINVAL when the model has no such cut, or it is beyond max_cut or before
 *          min_depth; CLV_EUNSUPPORTED where codec rans has no point that is good enough for it. */
CLV_NODISCARD clv_status clv_edge_set_cut(clv_edge *edge, uint32_t cut);

/** The size of the images that the model works on; others are brought to it.
 *  @return CLV_OK; CLV_EUNSUPPORTED when the model takes no images. */
CLV_NODISCARD clv_status clv_edge_image_size(uint32_t *width_out, uint32_t *height_out,
                                             const clv_edge *edge);

/** Whether the bundle has a student. */
bool clv_edge_has_student(const clv_edge *edge);

/** Number of nodes of the model: cuts are 0 .. this. */
uint32_t clv_edge_cut_count(const clv_edge *edge);

CLV_END_API

#endif
