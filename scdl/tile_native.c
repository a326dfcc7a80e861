//go:build native

#include "tile_native.h"

#define WIDE
#define BODY "../../scdl/tile_body.h"
#include "../internal/linalg/types_native.h"

void tessera_tile32(tessera_tile *t)
{
	DISPATCH512(tile_f32, (t));
}

void tessera_tile64(tessera_tile *t)
{
	DISPATCH512(tile_f64, (t));
}

void tessera_code32(tessera_code *t)
{
	DISPATCH512(code_f32, (t));
}

void tessera_code64(tessera_code *t)
{
	DISPATCH512(code_f64, (t));
}
