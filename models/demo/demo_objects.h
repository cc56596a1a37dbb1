/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DEMO_OBJECTS_H
#define CLV_DEMO_OBJECTS_H

/** @file demo_objects.h: the ten things to recognise, and the clutter around them, as sprites. */
#include "demo_random.h"
#include "demo_raster.h"

/** The classes; a label is a line here, and in labels.txt. */
#define CLV_DEMO_CLASS_LIST(X)                                                                     \
    X(person)                                                                                      \
    X(bicycle)                                                                                     \
    X(car)                                                                                         \
    X(truck)                                                                                       \
    X(bus)                                                                                         \
    X(boat)                                                                                        \
    X(plane)                                                                                       \
    X(bird)                                                                                        \
    X(house)                                                                                       \
    X(tree)

/** Any colour at all, greys included. */
clv_demo_colour clv_demo_random_colour(clv_demo_rng *rng);

/** A colour near @p base, lighter or darker. */
clv_demo_colour clv_demo_vary_colour(clv_demo_rng *rng, clv_demo_colour base);

/** Add the shapes of an object of class @p label to @p sprite; label < CLV_DEMO_CLASSES. */
void clv_demo_add_object(clv_demo_sprite *sprite, clv_demo_rng *rng, uint32_t label);

/** Whether the class is seen from above (so it may be turned any way), not from the side. */
bool clv_demo_seen_from_above(uint32_t label);

/** Add shapes that are none of the classes: poles, rocks, boxes, hoops, puddles. */
void clv_demo_add_clutter(clv_demo_sprite *sprite, clv_demo_rng *rng);

#endif
