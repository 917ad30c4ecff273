package usage

import "slices"

// Rect is a part of a square of 100 by 100.
type Rect struct{ X, Y, W, H float64 }

// squarify divides a rectangle among sizes, in their order, so that the parts
// are near to squares (Bruls, Huizing and van Wijk, 2000). The sizes must be
// in descending order and more than zero; the areas are in their proportion.
func squarify(sizes []float64, in Rect) []Rect {
	var rects []Rect
	for len(sizes) > 0 {
		var sum float64 // added up anew, since what is left by subtracting isn't exact
		for _, s := range sizes {
			sum += s
		}
		short := min(in.W, in.H)
		scale := in.W * in.H / sum
		n, total := 1, sizes[0]
		for n < len(sizes) && worst(sizes[:n+1], total+sizes[n], short, scale) <= worst(sizes[:n], total, short, scale) {
			total += sizes[n]
			n++
		}
		row := sizes[:n]
		if in.W >= in.H {
			width := in.W * total / sum
			y := in.Y
			for _, s := range row {
				height := in.H * s / total
				rects = append(rects, Rect{in.X, y, width, height})
				y += height
			}
			in.X, in.W = in.X+width, in.W-width
		} else {
			height := in.H * total / sum
			x := in.X
			for _, s := range row {
				width := in.W * s / total
				rects = append(rects, Rect{x, in.Y, width, height})
				x += width
			}
			in.Y, in.H = in.Y+height, in.H-height
		}
		sizes = sizes[n:]
	}
	return rects
}

// worst is the largest ratio of sides in a row along the short side.
func worst(row []float64, total, short, scale float64) float64 {
	side := total * scale / short // the other side of the row
	largest, smallest := slices.Max(row)*scale/side, slices.Min(row)*scale/side
	return max(side/smallest, largest/side)
}
