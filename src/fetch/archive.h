/* A whole file in one request, as an archive (ipld/car.h), where that is quicker than a request for each block: when
   the blocks are small and many. Blocks are given to the wants that are open for them; a few that come too early are
   kept. Whatever goes wrong with an archive, the blocks that did not come are asked for one by one.

   An archive has the blocks of a file in the order in which they are wanted once all nodes that are certainly interior
   are there; so it is asked for then, and only when nothing of the file was found in a folder. */
#ifndef VERONNX_FETCH_ARCHIVE_H
#define VERONNX_FETCH_ARCHIVE_H

#include "fetch/engine.h"

#define ARCHIVE_FILE_MIN (8 * MIB)
#define ARCHIVE_LEAF_MAX (512 * KIB) /* larger blocks come as fast one by one */
#define ARCHIVE_AHEAD    128         /* chunks of blocks that are not wanted yet */
#define ARCHIVE_SKIP_MAX (16 * MIB)  /* of blocks that nobody wants */

struct archive;

/* A want has got its block: what it says of the file below. An archive of another file ends with the next archive_run.
 */
void archive_see(const struct want *w, const struct body *body);
/* Asks for an archive when the time has come. */
void archive_consider(struct engine *e, struct client *c);
/* Will the want's block come with an archive? Then nobody is asked for it now. */
bool archive_brings(const struct engine *e, const struct want *w);
/* Something is wanted: true, and it has its answer, when it came already. */
bool archive_has(struct engine *e, struct want *w);
/* Memory or wants have come; time goes by. */
void archive_run(struct engine *e, struct client *c);
/* Chunks of blocks that came too early: at most ARCHIVE_AHEAD and one block. */
size_t archive_held(const struct client *c);
/* The client stands somewhere else now. */
void archive_move(struct client *c);
/* Ends the client's archive, if it has one. */
void archive_stop(struct engine *e, struct client *c);

#endif
