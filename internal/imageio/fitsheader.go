package imageio

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// description is what the headers of the file say of the image: the cards of its own unit,
// those of a primary unit without data that it does not have itself, unless INHERIT = F, and
// the extensions that its coordinates refer to.
func (u *unit) description(r io.ReaderAt, size int64, primary *unit) (Header, []byte, error) {
	return u.attachments(r, size, u.inherited(primary))
}

func (u *unit) inherited(primary *unit) Header {
	header := u.header.descriptive()
	inherit, said := u.header.Get("INHERIT")
	if u.index > 0 && (inherit == "T" || !said && len(primary.axes) == 0) {
		_, coordinates := header.card("CTYPE1")
		own := map[string]bool{}
		for _, c := range header {
			own[c.Key()] = true
		}
		for _, c := range primary.header.descriptive() {
			key := c.Key()
			_, _, ofAxes := axisKey(key)
			switch {
			case own[key] && !commentary(key), key == "EXTNAME", key == "EXTVER", key == "NEXTEND":
			case key == "CONTINUE" && !goesOn(header):
			case coordinates && (ofAxes || strings.HasPrefix(key, "WCSAXES")):
			default:
				header = append(header, c)
			}
		}
	}
	return header
}

// goesOn tells whether the last card is a text that a CONTINUE card goes on with.
func goesOn(h Header) bool {
	return len(h) > 0 && (h[len(h)-1].Key() == "CONTINUE" || strings.HasSuffix(h[len(h)-1].Value(), "&"))
}

// commentary tells whether a header may have many cards with the keyword.
func commentary(key string) bool { return key == "COMMENT" || key == "HISTORY" || key == "" }

// attachments finds the extensions that hold lookup tables of the coordinates: WCSDVARR for
// CPDISn or CQDISn = 'LOOKUP', D2IMARR for D2IMDISn. Cards of tables that are not there are
// left out, as no reader could follow them.
func (u *unit) attachments(r io.ReaderAt, size int64, header Header) (Header, []byte, error) {
	families := []struct{ name, prior, record string }{
		{"WCSDVARR", "CPDIS", "DP"}, {"WCSDVARR", "CQDIS", "DQ"}, {"D2IMARR", "D2IMDIS", "D2IM"},
	}
	wanted := map[string]bool{}
	for _, f := range families {
		for i := 1; i <= 2; i++ {
			if v, ok := header.Get(f.prior + strconv.Itoa(i)); ok && strings.EqualFold(v, "lookup") {
				wanted[f.name+","+strconv.Itoa(header.version(f.record+strconv.Itoa(i), i))] = true
			}
		}
	}
	if len(wanted) == 0 {
		return header, nil, nil
	}
	var tables []byte
	found := map[string]bool{}
	for v, err := range units(r, size) {
		if err != nil {
			break // the image itself was found before
		}
		version, ok := v.header.Get("EXTVER")
		if !ok {
			version = "1"
		}
		key := v.name() + "," + version
		if !wanted[key] || found[key] || v.begin == 0 {
			continue
		}
		end := v.data + (v.bytes+blockBytes-1)/blockBytes*blockBytes
		whole := make([]byte, end-v.begin)
		if got, err := r.ReadAt(whole, v.begin); err != nil && int64(got) < v.data+v.bytes-v.begin {
			return nil, nil, fmt.Errorf("HDU [%s]: %w", key, err)
		}
		tables, found[key] = append(tables, whole...), true
	}
	for _, f := range families {
		for i := 1; i <= 2; i++ {
			record := f.record + strconv.Itoa(i)
			if key := f.name + "," + strconv.Itoa(header.version(record, i)); wanted[key] && !found[key] {
				header = header.without(f.prior+strconv.Itoa(i), record)
			}
		}
	}
	return header, tables, nil
}

// version is the EXTVER that a record such as DP1 = 'EXTVER: 1' names.
func (h Header) version(record string, otherwise int) int {
	for _, c := range h {
		key := c.Key()
		text := c.Value()
		if strings.HasPrefix(key, record+".") || strings.HasPrefix(key, "HIERARCH "+record+".") {
			text = key[strings.Index(key, ".")+1:] + ": " + text
		} else if key != record {
			continue
		}
		if field, v, ok := strings.Cut(text, ":"); ok && field == "EXTVER" {
			if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
				return int(f)
			}
		}
	}
	return otherwise
}

// without is the header less the cards with these keywords, records included.
func (h Header) without(keys ...string) Header {
	var out Header
next:
	for _, c := range h {
		for _, key := range keys {
			if k := strings.TrimPrefix(c.Key(), "HIERARCH "); k == key || strings.HasPrefix(k, key+".") {
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}

// axisKey takes a keyword apart that speaks of an axis of coordinates: "CTYPE3A" is CTYPE of
// axis 3 for the alternative A, "CD1_2" is CD of the axes 1 and 2; ok tells whether it is one.
func axisKey(key string) (stem string, axes []int, ok bool) {
	digits := strings.IndexAny(key, "123456789")
	if digits < 1 {
		return "", nil, false
	}
	stem = key[:digits]
	rest := strings.TrimRight(key[digits:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	two := false
	switch stem {
	case "PC", "CD", "LTM":
		two = true
	case "CTYPE", "CRVAL", "CRPIX", "CDELT", "CUNIT", "CNAME", "CRDER", "CSYER", "CROTA", "LTV",
		"PV", "PS", "CPDIS", "CQDIS", "CPERR", "CQERR", "DP", "DQ", "D2IMDIS", "D2IMERR", "D2IM":
	default:
		return "", nil, false
	}
	first, second, pair := strings.Cut(rest, "_")
	i, err := strconv.Atoi(strings.TrimRight(strings.SplitN(first, ".", 2)[0], " "))
	if err != nil || two != pair && stem != "PV" && stem != "PS" {
		return "", nil, false
	}
	axes = []int{i}
	if two {
		j, err := strconv.Atoi(second)
		if err != nil {
			return "", nil, false
		}
		axes = append(axes, j)
	}
	return stem, axes, true
}

// ofAxes is the header of an image that keeps some axes of one of n: axis i of it is axis
// kept[i-1] of the file, 0 = a new one. Cards of axes that are left out go, those of axes
// with another number get that.
func (h Header) ofAxes(kept []int, n int) Header {
	to := map[int]int{}
	same := len(kept) == n
	for i, k := range kept {
		if k > 0 {
			to[k] = i + 1
		}
		same = same && k == i+1
	}
	if same {
		return h
	}
	var out Header
	dropped := false
	for _, c := range h {
		key := c.Key()
		if key == "CONTINUE" && dropped {
			continue
		}
		dropped = false
		if strings.HasPrefix(key, "WCSAXES") {
			out = append(out, Card(fmt.Sprintf("%-80s", fmt.Sprintf("%-8s= %20d", key, len(to)))))
			continue
		}
		stem, axes, ok := axisKey(key)
		if !ok {
			out = append(out, c)
			continue
		}
		name, tail := stem, key[len(stem):]
		for k, a := range axes {
			old := strconv.Itoa(a)
			dropped = dropped || to[a] == 0
			tail = strings.TrimPrefix(strings.TrimPrefix(tail, "_"), old)
			if name += strconv.Itoa(to[a]); k+1 < len(axes) {
				name += "_"
			}
		}
		if !dropped {
			out = append(out, Card(fmt.Sprintf("%-8s", name+tail))+c[8:])
		}
	}
	return out
}
