package simulator

import (
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"strings"
)

// A picture is a landscape: sky, sun or moon, ridges one behind the other, and
// water. The words of the wish choose what is in it, their hash the rest, so the
// same wish gives the same picture.

const (
	pictureWidth  = 480
	pictureHeight = 320
	ridges        = 4
)

// landscape is what to draw.
type landscape struct {
	rng          *rand.Rand
	top, low     rgb // of the sky
	near         rgb // the ridge in front
	disc         rgb
	discX, discY float64
	discR        float64
	stars, water bool
	shapes       [ridges]ridge
	horizon      int // the row where water begins
}

// ridge is a line of hills: where it stands in each column.
type ridge [pictureWidth]float64

// newRidge adds up waves of three lengths.
func newRidge(rng *rand.Rand, base, height float64) (g ridge) {
	a, b, c := 2*math.Pi*rng.Float64(), 2*math.Pi*rng.Float64(), 2*math.Pi*rng.Float64()
	for x := range g {
		at := float64(x)
		g[x] = base - height*(math.Sin(at/74+a)+0.5*math.Sin(at/31+b)+0.2*math.Sin(at/11+c))
	}
	return g
}

// rgb is a colour with room for arithmetic; its parts run from 0 to 255.
type rgb struct{ r, g, b float64 }

func (c rgb) mix(d rgb, t float64) rgb {
	t = min(max(t, 0), 1)
	return rgb{c.r + (d.r-c.r)*t, c.g + (d.g-c.g)*t, c.b + (d.b-c.b)*t}
}

func (c rgb) rgba() color.RGBA { return color.RGBA{uint8(c.r), uint8(c.g), uint8(c.b), 255} }

// moods are the kinds of light, by the words that ask for them.
var moods = []struct {
	words          string
	top, low, near rgb
	disc           rgb
	stars          bool
}{
	{"night star moon dark 夜 星 月 黑", rgb{8, 12, 40}, rgb{58, 66, 120}, rgb{6, 10, 24}, rgb{240, 240, 220}, true},
	{"sunset sunrise dawn evening red warm orange 夕 落日 日出 黄昏 红 橙", rgb{72, 38, 96}, rgb{255, 150, 92}, rgb{48, 20, 44}, rgb{255, 226, 160}, false},
	{"forest green spring tree grass 森 林 绿 春 树 草", rgb{126, 190, 214}, rgb{232, 244, 214}, rgb{18, 70, 42}, rgb{255, 250, 220}, false},
	{"snow winter ice white cold 雪 冬 冰 白", rgb{150, 180, 208}, rgb{240, 246, 252}, rgb{92, 118, 148}, rgb{255, 255, 250}, false},
	{"desert autumn yellow gold sand 沙 秋 黄 金", rgb{112, 170, 206}, rgb{250, 222, 164}, rgb{126, 72, 30}, rgb{255, 244, 200}, false},
	{"", rgb{70, 130, 196}, rgb{206, 228, 240}, rgb{30, 58, 92}, rgb{255, 248, 214}, false},
}

func mentions(wish, words string) bool {
	for w := range strings.FieldsSeq(words) {
		if strings.Contains(wish, w) {
			return true
		}
	}
	return false
}

// imagine decides what a wish looks like.
func imagine(wish string) *landscape {
	wish = strings.ToLower(wish)
	h := fnv.New64a()
	h.Write([]byte(wish))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1)) //nolint:gosec // it paints hills
	mood := moods[len(moods)-1]
	if rng.IntN(3) == 0 {
		mood = moods[rng.IntN(len(moods))]
	}
	for _, m := range moods {
		if mentions(wish, m.words) {
			mood = m
			break
		}
	}
	l := &landscape{
		rng: rng, top: mood.top, low: mood.low, near: mood.near, disc: mood.disc, stars: mood.stars,
		discX: (0.2 + 0.6*rng.Float64()) * pictureWidth, discY: (0.15 + 0.25*rng.Float64()) * pictureHeight,
		discR: 18 + 16*rng.Float64(), horizon: pictureHeight,
		water: mentions(wish, "sea ocean lake water river beach island boat 海 湖 水 江 河 岛 船") || rng.IntN(4) == 0,
	}
	if l.water {
		l.horizon = pictureHeight * 3 / 4
	}
	for i := range l.shapes {
		depth := float64(i+1) / ridges // 1 is in front
		l.shapes[i] = newRidge(rng, float64(l.horizon)*(0.5+0.42*depth), 34-18*depth)
	}
	return l
}

// at is the colour of a point above the water.
func (l *landscape) at(x, y float64) rgb {
	column := min(max(int(x), 0), pictureWidth-1)
	for i := ridges - 1; i >= 0; i-- {
		if below := y - l.shapes[i][column]; below >= 0 {
			depth := float64(i+1) / ridges
			haze := min(below/90, 1) * 0.25 // valleys lie in mist
			return l.low.mix(l.near, 0.2+0.8*depth).mix(l.low, haze*(1.2-depth))
		}
	}
	c := l.top.mix(l.low, y/float64(l.horizon)*1.35)
	d := math.Hypot(x-l.discX, y-l.discY)
	c = c.mix(l.disc, 0.55*math.Exp(-d/(l.discR*1.6))) // glow
	return c.mix(l.disc, l.discR-d)                    // its rim is one pixel soft
}

// drawPicture draws what a wish asks for.
func drawPicture(wish string) *image.RGBA {
	l := imagine(wish)
	img := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	for y := range pictureHeight {
		for x := range pictureWidth {
			img.SetRGBA(x, y, l.pixel(float64(x), float64(y)).rgba())
		}
	}
	if l.stars {
		l.sprinkle(img)
	}
	return img
}

func (l *landscape) pixel(x, y float64) rgb {
	below := y - float64(l.horizon)
	if below < 0 {
		return l.at(x, y)
	}
	// Water mirrors what is above it, drawn out and rippled.
	ripple := 3 * math.Sin(below*0.9+x/40) * (0.3 + below/40)
	return l.at(x+ripple, float64(l.horizon)-1-below*2.2).mix(l.top, 0.35)
}

func (l *landscape) sprinkle(img *image.RGBA) {
	for range 130 {
		x, y := l.rng.IntN(pictureWidth), l.rng.IntN(l.horizon)
		if float64(y) < l.shapes[0][x]-12 {
			sky := l.at(float64(x), float64(y))
			img.SetRGBA(x, y, sky.mix(rgb{255, 255, 255}, 0.4+0.6*l.rng.Float64()).rgba())
		}
	}
}
